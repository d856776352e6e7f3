//! From a path or a text to [`Settings`], all or nothing.

use alloc::{string::ToString, vec::Vec};
use core::net::IpAddr;

use crate::{
    Diagnostic, Environment, Ignored, MbusConf, Severity, Sources, Span,
    extract::{Extract, View, tidy},
    include::{Content, Loader, NoFiles, Reader},
    model::Scope,
    settings::Settings,
    tree::Value,
};

/// The outcome of a load.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings, if there was no error.
    pub settings: Option<Settings>,
    /// Every mistake, in the order of reading. Warnings do not refuse the settings.
    pub diagnostics: Vec<Diagnostic>,
    /// What was passed over because it belongs to the mail server.
    pub ignored: Vec<Ignored>,
    /// Every text that was read, for the rendering of spans.
    pub sources: Sources,
}

impl Loaded {
    /// All diagnostics as text.
    pub fn render(&self) -> alloc::string::String {
        crate::render(&self.diagnostics, &self.sources)
    }
}

/// Reads `text` as a file called `path`. It can include nothing.
pub fn parse_str(path: &str, text: &str, environment: &Environment) -> Loaded {
    let mut loader = NoFiles;
    let mut reader = Reader::new(&mut loader, environment);
    let mut model = Scope::default();
    reader.text(path, text, Span::default(), &mut model);
    finish(reader, &model)
}

/// Reads the file at `path` and everything it includes.
pub fn load(loader: &mut dyn Loader, path: &str, environment: &Environment) -> Loaded {
    let mut reader = Reader::new(loader, environment);
    let mut model = Scope::default();
    reader.root(path, &mut model);
    finish(reader, &model)
}

fn finish(mut reader: Reader<'_>, model: &Scope) -> Loaded {
    let mbus = read_mbus(&mut reader, model);
    let Reader {
        loader,
        environment,
        sources,
        mut diagnostics,
        ..
    } = reader;
    let mut resolve = |host: &str| -> Option<IpAddr> { loader.resolve(host) };
    let mut extract = Extract::new(environment, &mut resolve);
    let mut settings = None;
    let mut ignored = Vec::new();
    // With a mistake in the language itself, what is missing would be reported as well: noise.
    if !has_error(&diagnostics) {
        settings = Some(extract.settings(model, mbus.as_ref()));
        diagnostics.append(&mut extract.diagnostics);
        ignored = extract.ignored;
    }
    tidy(&mut diagnostics);
    if has_error(&diagnostics) {
        settings = None;
    }
    Loaded {
        settings,
        diagnostics,
        ignored,
        sources,
    }
}

fn has_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
}

/// The file that `Config` in `Bus` names.
fn read_mbus(reader: &mut Reader<'_>, model: &Scope) -> Option<MbusConf> {
    let entry = View::of("bus", model.child("bus")).entry("Config")?;
    let Some(Value::Word(path)) = &entry.value else {
        let diagnostic = Diagnostic::error(entry.span, "`Config` is not a word");
        reader
            .diagnostics
            .push(diagnostic.expected("the path of an mbus.conf"));
        return None;
    };
    let base = reader
        .directory_of(path.span.source)
        .map(ToString::to_string);
    match reader.find(&path.text, base.as_deref()) {
        Ok((found, Content::Text(text))) => {
            let source = reader.sources.add(&found, &text);
            let (mbus, diagnostics) = MbusConf::parse(source, &text);
            reader.diagnostics.extend(diagnostics);
            Some(mbus)
        }
        Ok((found, Content::Directory(_))) => {
            let message = alloc::format!("`{found}` is a directory");
            let diagnostic = Diagnostic::error(path.span, message);
            reader.diagnostics.push(diagnostic.expected("an mbus.conf"));
            None
        }
        Err((error, tried)) => {
            let message = alloc::format!("cannot read `{}`: {error}", path.text);
            let help = alloc::format!("looked at {}", tried.join(", "));
            reader
                .diagnostics
                .push(Diagnostic::error(path.span, message).help(help));
            None
        }
    }
}

impl Default for Settings {
    /// What an empty file means: every default of [`crate::options`].
    fn default() -> Self {
        parse_str("defaults", "", &Environment::default())
            .settings
            .expect("an empty file is a valid configuration")
    }
}
