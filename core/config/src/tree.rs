//! The syntax tree: a file as it was written, before any meaning. One tree serves both dialects, because
//! they differ in which constructs mean what and not in syntax (reference section 2).

use alloc::{boxed::Box, string::String, vec::Vec};

use crate::Span;

/// How a word was written. `"128"` and `128` mean the same; the printer and messages care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Without quotes.
    Bare,
    /// In single or double quotes, escapes already resolved.
    Quoted,
    /// `/…/`, kept with its slashes and escapes.
    Regex,
}

/// A word: the only scalar of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its value.
    pub text: String,
    /// How it was written.
    pub form: Form,
    /// Where, quotes included.
    pub span: Span,
}

impl Word {
    /// Whether it is `name`, without case.
    pub fn is(&self, name: &str) -> bool {
        self.text.eq_ignore_ascii_case(name)
    }
}

/// `key=value` in `< >`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The key.
    pub key: Word,
    /// The value.
    pub value: Word,
}

/// What follows a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A word.
    Word(Word),
    /// `( … )`; empty is different from absent.
    List(Sequence),
    /// `[ … ]`, in the order of writing; a key may occur more than once.
    Dictionary(Sequence),
    /// `= { … }`.
    Block(Box<Block>),
}

impl Value {
    /// Where it was written.
    pub fn span(&self) -> Span {
        match self {
            Self::Word(word) => word.span,
            Self::List(sequence) | Self::Dictionary(sequence) => sequence.span,
            Self::Block(block) => block.span,
        }
    }

    /// What it is, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Word(_) => "a word",
            Self::List(_) => "a list `( … )`",
            Self::Dictionary(_) => "a dictionary `[ … ]`",
            Self::Block(_) => "a block `{ … }`",
        }
    }
}

/// The entries between brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// In the order of writing.
    pub entries: Vec<Entry>,
    /// Both brackets included.
    pub span: Span,
}

/// A setting of a scope, or one entry of a list or a dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key, or the element of a plain list.
    pub key: Word,
    /// `<…>` behind it; only in lists.
    pub attributes: Vec<Attribute>,
    /// Whether there was a `=`.
    pub equals: bool,
    /// The value; `None` for a flag such as `continue` and for a plain element.
    pub value: Option<Value>,
    /// All of it.
    pub span: Span,
}

/// `include` and `readonly_include`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// Whether values of it are never written back.
    pub readonly: bool,
    /// What to include.
    pub path: Word,
    /// All of it.
    pub span: Span,
}

/// A scope: `type ["name"] { … }` or `Class path/type name [passive] { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The words before the bracket; empty only for `= { … }`.
    pub header: Vec<Word>,
    /// `<…>` behind them.
    pub attributes: Vec<Attribute>,
    /// The body.
    pub items: Vec<Item>,
    /// Header and body.
    pub span: Span,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An include.
    Include(Include),
    /// A setting.
    Setting(Entry),
    /// A scope.
    Scope(Block),
}
