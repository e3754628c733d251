//! The rules, and what they say of a violation.

use crate::circles::{Graph, circles};
use crate::source_tree::{Reference, SourceTree};

/// What is demanded of a crate's imports.
pub enum Rule<'a> {
    /// Top-level modules from the bottom up: each may import those before it, and no other exist.
    Layers(&'a [&'a str]),
    /// Top-level modules do not import each other in a circle.
    NoCirclesBetweenModules,
    /// Files do not import each other in a circle. What a `mod.rs` re-exports does not count.
    NoCirclesBetweenFiles,
    /// These top-level modules do not import each other, except from the first to the second of a pair.
    Independent { modules: &'a [&'a str], except: &'a [(&'a str, &'a str)] },
    /// These crates are not used.
    NoCrate(&'a [&'a str]),
}

impl Rule<'_> {
    /// One sentence for each violation: the file, the import and the rule.
    pub fn violations(&self, tree: &SourceTree) -> Vec<String> {
        match self {
            Rule::Layers(layers) => check_layers(tree, layers),
            Rule::NoCirclesBetweenModules => check_circles(tree, top_level),
            Rule::NoCirclesBetweenFiles => check_circles(tree, |path| Some(path.join("::"))),
            Rule::Independent { modules, except } => check_independent(tree, modules, except),
            Rule::NoCrate(names) => check_crates(tree, names),
        }
    }
}

fn check_layers(tree: &SourceTree, layers: &[&str]) -> Vec<String> {
    let layer = |module: &str| layers.iter().position(|layer| *layer == module);
    let violation = |reference: Reference<'_>| {
        let (from, to) = (top_level(reference.from)?, top_level(reference.to)?);
        let problem = match (layer(&from), layer(&to)) {
            (Some(from), Some(to)) if to <= from => return None,
            (Some(_), Some(_)) => format!("`{to}` is above `{from}`, and imports must run down"),
            (None, _) => format!("`{from}` has no place in the order of the layers"),
            (_, None) => format!("`{to}` has no place in the order of the layers"),
        };
        Some(format!("{}: {problem}", describe(&reference)))
    };
    tree.references().filter_map(violation).collect()
}

fn check_circles(tree: &SourceTree, node: impl Fn(&[String]) -> Option<String>) -> Vec<String> {
    let counted: Vec<(String, String, Reference<'_>)> = tree
        .references()
        .filter(|reference| !reference.import.is_re_export)
        .filter_map(|reference| Some((node(reference.from)?, node(reference.to)?, reference)))
        .filter(|(from, to, _)| from != to && !from.is_empty() && !to.is_empty())
        .collect();
    let mut graph = Graph::new();
    for (from, to, _) in &counted {
        graph.entry(from.clone()).or_default().insert(to.clone());
    }
    let describe_circle = |circle: Vec<String>| {
        let edges = circle.iter().zip(circle.iter().cycle().skip(1));
        let examples = edges.filter_map(|(from, to)| {
            let (_, _, reference) = counted.iter().find(|(a, b, _)| a == from && b == to)?;
            Some(format!("\n    {}", describe(reference)))
        });
        format!("imports must not form a circle: {}{}", circle.join(" → "), examples.collect::<String>())
    };
    circles(&graph).into_iter().map(describe_circle).collect()
}

fn check_independent(tree: &SourceTree, modules: &[&str], except: &[(&str, &str)]) -> Vec<String> {
    let violation = |reference: Reference<'_>| {
        let (from, to) = (top_level(reference.from)?, top_level(reference.to)?);
        let (from, to) = (from.as_str(), to.as_str());
        let both = from != to && modules.contains(&from) && modules.contains(&to);
        (both && !except.contains(&(from, to)))
            .then(|| format!("{}: `{from}` and `{to}` must be independent", describe(&reference)))
    };
    tree.references().filter_map(violation).collect()
}

fn check_crates(tree: &SourceTree, names: &[&str]) -> Vec<String> {
    let used = tree.files().flat_map(|file| file.external_paths().iter().map(move |path| (file, path)));
    used.filter(|(_, import)| import.path.first().is_some_and(|name| names.contains(&name.as_str())))
        .map(|(file, import)| {
            format!("{} uses `{}`: that crate must not be known here", file.name, import.path.join("::"))
        })
        .collect()
}

fn describe(reference: &Reference<'_>) -> String {
    format!("{} imports `crate::{}`", reference.file, reference.import.path.join("::"))
}

fn top_level(path: &[String]) -> Option<String> {
    path.first().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS: Rule<'static> = Rule::Layers(&["low", "high"]);

    fn violations(rule: &Rule<'_>, files: &[(&str, &str)]) -> Vec<String> {
        let texts = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        rule.violations(&SourceTree::parse(texts))
    }

    #[test]
    fn an_import_upward_is_found_however_it_is_written() {
        for import in [
            "use crate::high::Thing;",
            "use crate::{high::Thing};",
            "use super::high::{nested::Thing};",
            "use crate::{low, high as above};",
            "fn f() { crate::high::g(); }",
            "fn f(x: &super::high::Thing) {}",
            "fn f() { println!(\"{}\", crate::high::G); }",
            "mod inner { use super::super::high::Thing; }",
            "#[cfg(not(test))] use crate::high::Thing;",
            "#[cfg(any(test, feature = \"testing\"))] use crate::high::Thing;",
        ] {
            let found = violations(&LAYERS, &[("low.rs", import), ("high.rs", "")]);
            assert_eq!(found.len(), 1, "{import}: {found:?}");
            assert!(found[0].starts_with("low.rs imports `crate::high"), "{found:?}");
            assert!(found[0].contains("imports must run down"), "{found:?}");
        }
    }

    #[test]
    fn imports_downward_comments_and_tests_are_no_violations() {
        for text in [
            "/// [`Thing`](crate::high::Thing)\n// use crate::high::Thing;\nfn f() {}",
            "const TEXT: &str = \"use crate::high::Thing;\";",
            "#[cfg(test)] mod tests { use crate::high::Thing; }",
            "#[cfg(all(test, feature = \"testing\"))] mod tests { use crate::high::Thing; }",
            "#[cfg(test)] use crate::high::Thing;",
            "macro_rules! m { () => { $crate::high::Thing } }",
            "fn f() -> impl Sized + use<> {} use std::high::Thing;",
        ] {
            let files = [("low.rs", text), ("high.rs", "use crate::low::f;")];
            assert_eq!(violations(&LAYERS, &files), Vec::<String>::new(), "{text}");
        }
        let files = [
            ("low/mod.rs", "#[cfg(test)]\nmod tests;"),
            ("low/tests.rs", "use crate::high::Thing;"),
            ("high.rs", ""),
        ];
        assert_eq!(violations(&LAYERS, &files), Vec::<String>::new());
    }

    #[test]
    fn a_module_without_a_layer_is_found() {
        let found = violations(&LAYERS, &[("new.rs", "use crate::low::A;"), ("low.rs", "")]);
        assert_eq!(found, ["new.rs imports `crate::low::A`: `new` has no place in the order of the layers"]);
    }

    #[test]
    fn a_circle_between_modules_is_found_and_named() {
        let files = [
            ("a/mod.rs", "pub mod x;"),
            ("a/x.rs", "use crate::b::B;"),
            ("b.rs", "use crate::c::C;"),
            ("c.rs", "use crate::a::x::X;"),
            ("d.rs", "use crate::a::x::X;"),
        ];
        let found = violations(&Rule::NoCirclesBetweenModules, &files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("imports must not form a circle: a → b → c"), "{found:?}");
        assert!(found[0].contains("a/x.rs imports `crate::b::B`"), "{found:?}");
    }

    #[test]
    fn re_exports_are_followed_to_the_file_that_defines_a_name() {
        let re_exports = "mod a;\nmod b;\npub use a::A;\npub use self::b::{B as Renamed};";
        let circle =
            [("m/mod.rs", re_exports), ("m/a.rs", "use super::Renamed;"), ("m/b.rs", "use crate::m::A;")];
        let found = violations(&Rule::NoCirclesBetweenFiles, &circle);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("m::a → m::b"), "{found:?}");
        let line = [("m/mod.rs", re_exports), ("m/a.rs", "use super::Renamed;"), ("m/b.rs", "struct B;")];
        assert_eq!(violations(&Rule::NoCirclesBetweenFiles, &line), Vec::<String>::new());
        let flat = [
            ("lib.rs", "mod a;\nmod b;\npub use a::A;\npub use b::B;"),
            ("a.rs", "use crate::B;"),
            ("b.rs", "use crate::A;"),
        ];
        assert_eq!(violations(&Rule::NoCirclesBetweenModules, &flat).len(), 1);
    }

    #[test]
    fn independent_modules_import_each_other_only_as_declared() {
        let files = [
            ("a.rs", "use crate::c::C;"),
            ("b.rs", "use crate::a::A;"),
            ("c.rs", ""),
            ("d.rs", "use crate::a::A;"),
        ];
        let rule = Rule::Independent { modules: &["a", "b", "c"], except: &[("a", "c")] };
        let found = violations(&rule, &files);
        assert_eq!(found, ["b.rs imports `crate::a::A`: `b` and `a` must be independent"]);
    }

    #[test]
    fn a_forbidden_crate_is_found() {
        let files = [("a.rs", "fn f() { other::g(); }"), ("b.rs", "use another::{B};")];
        let found = violations(&Rule::NoCrate(&["other"]), &files);
        assert_eq!(found, ["a.rs uses `other::g`: that crate must not be known here"]);
    }
}
