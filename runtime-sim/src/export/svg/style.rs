//! The colours of the picture. Blocks keep their colours in the dark, so that the text on them stays readable;
//! paper, ink and lines follow the reader's preference.

/// Classes for blocks of configurations: `c0` to `c11`.
pub(super) const CONFIGURATION_COLOURS: usize = 12;

/// Classes for owners of addresses: `o0` to `o9`.
pub(super) const OWNER_COLOURS: usize = 10;

/// Shades of deliveries: `h1` to `h5`.
pub(super) const SHADES: u32 = 5;

/// The style sheet.
pub(super) const STYLE: &str = "<style>
text{font:10px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328}
.paper{fill:#fff}.title{font:600 15px system-ui,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif}
.sub,.key{font:11px system-ui,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif}.sub,.faint,.axis{fill:#59636e}
.name{font-weight:600;font-size:12px}.end{text-anchor:end}.mid,.in,.on{text-anchor:middle}.in{fill:#1b1f24}.on{fill:#fff}
.grid{stroke:#d1d9e0;stroke-width:.6}.base{stroke:#9aa4af;stroke-width:1;stroke-dasharray:2 3}.rule{stroke:#d1d9e0}
.calmline{stroke:#1a7f37;stroke-width:1.2;stroke-dasharray:5 3}.endline{stroke:#59636e;stroke-width:1.2}
.wrong{stroke:#cf222e;stroke-width:2}.wrongtext{fill:#cf222e;font-weight:600}.wrongfill{fill:#cf222e}
.faults{fill:#ffd8d3}.calm{fill:#c9efd2}.split{fill:#d1453b}.partial{fill:#e5a33b}
.alive{fill:#57ab6b}.paused{fill:#e3b341}.startmark{fill:#1a7f37}.stopmark{fill:#59636e}
.killmark{stroke:#cf222e;stroke-width:2;fill:none}.powermark{fill:#cf222e}.diskmark{fill:#8250df}.gapmark{fill:#bc4c00}
.alone{fill:#d5dae0}.trans{stroke:#1f2328;stroke-width:1.4;fill:none}.transblock{fill:#57606a}
.brief{stroke:#57606a;stroke-width:1;fill:none}.both{fill:#e5242f}.miss{stroke:#cf222e;stroke-width:1.6;fill:none}
.h1{fill:#0969da;opacity:.15}.h2{fill:#0969da;opacity:.32}.h3{fill:#0969da;opacity:.5}.h4{fill:#0969da;opacity:.72}
.h5{fill:#0969da}
.c0{fill:#9ecbff}.c1{fill:#ffc680}.c2{fill:#a8e6a1}.c3{fill:#d8b9ff}.c4{fill:#ffe07a}.c5{fill:#8fe3dc}
.c6{fill:#ffb3c7}.c7{fill:#c5d86d}.c8{fill:#b7c4ff}.c9{fill:#f0b79a}.c10{fill:#86d9b4}.c11{fill:#e6c3e8}
.o0{fill:#2f6fb5}.o1{fill:#b35c00}.o2{fill:#2b8a4b}.o3{fill:#7c4dbd}.o4{fill:#0f8b8d}.o5{fill:#a04668}
.o6{fill:#6b7a1e}.o7{fill:#5b6770}.o8{fill:#8a5a3c}.o9{fill:#3f4fa3}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#0d1117}.sub,.faint,.axis{fill:#9198a1}
.in{fill:#1b1f24}.on{fill:#fff}.grid,.rule{stroke:#2f3742}.base{stroke:#59636e}.trans{stroke:#f0f6fc}
.calmline{stroke:#3fb950}.endline{stroke:#9198a1}.wrongtext{fill:#ff7b72}.wrong,.miss,.killmark{stroke:#ff7b72}
.powermark{fill:#ff7b72}.startmark{fill:#3fb950}.stopmark{fill:#9198a1}.diskmark{fill:#b392f0}.gapmark{fill:#f0883e}
.h1,.h2,.h3,.h4,.h5{fill:#58a6ff}.brief{stroke:#9198a1}}
</style>";
