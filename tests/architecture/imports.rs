//! The paths that a file mentions: in `use` declarations, nested or not, and in place.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::source_tree::ModulePath;

/// A path into the own crate, or of another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The segments from the root of the crate; for another crate its name comes first.
    pub path: Vec<String>,
    /// Whether it is a `pub use`.
    pub is_re_export: bool,
}

/// What is relevant in a file.
#[derive(Default)]
pub struct FileContent {
    pub imports: Vec<Import>,
    /// Paths that begin with the name of a crate, or of something that is in scope otherwise.
    pub external: Vec<Import>,
    /// The names that the file re-exports, and the paths of the originals.
    pub re_exports: BTreeMap<String, Vec<String>>,
    /// Child modules that are compiled for tests only.
    pub test_modules: Vec<ModulePath>,
    children: BTreeSet<String>,
}

/// Where a path is found.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Code,
    Use,
    PubUse,
}

impl FileContent {
    /// Parses the file `name` of the module `module`.
    pub fn parse(name: &str, text: &str, module: &[String]) -> Self {
        let tokens: TokenStream =
            text.parse().unwrap_or_else(|error| panic!("{name} is not valid Rust: {error}"));
        let mut content = FileContent::default();
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        content.find_children(&tokens, module);
        content.scan(&tokens, module);
        content
    }

    /// Finds `mod x;`, whose names may begin a path.
    fn find_children(&mut self, tokens: &[TokenTree], module: &[String]) {
        for (index, window) in tokens.windows(3).enumerate() {
            let [keyword, name, end] = window else { continue };
            if !is_ident(keyword, "mod") || !is_punct(end, ';') {
                continue;
            }
            let child = name.to_string();
            if has_test_attribute(&tokens[..index]) {
                self.test_modules.push([module, std::slice::from_ref(&child)].concat());
            }
            self.children.insert(child);
        }
    }

    fn scan(&mut self, tokens: &[TokenTree], module: &[String]) {
        let mut index = 0;
        while index < tokens.len() {
            if is_test_attribute(tokens, index) {
                index = end_of_item(tokens, index + 2);
            } else if is_ident(&tokens[index], "use") && !is_precise_capture(tokens, index) {
                let end = (index..tokens.len()).find(|at| is_punct(&tokens[*at], ';'));
                let end = end.unwrap_or(tokens.len());
                let place = if is_public(&tokens[..index]) { Place::PubUse } else { Place::Use };
                self.use_tree(&tokens[index + 1..end], &[], module, place);
                index = end;
            } else if let Some((inner, end)) = inline_module(tokens, index) {
                let name = tokens[index + 1].to_string();
                let inner: Vec<TokenTree> = inner.stream().into_iter().collect();
                self.scan(&inner, &[module, &[name]].concat());
                index = end;
            } else {
                index = self.scan_token(tokens, index, module);
            }
        }
    }

    /// Records a path that begins here, or descends into a group; returns the index after it.
    fn scan_token(&mut self, tokens: &[TokenTree], index: usize, module: &[String]) -> usize {
        match &tokens[index] {
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                self.scan(&inner, module);
                index + 1
            }
            TokenTree::Ident(_) if is_separator(tokens, index + 1) && !continues_path(tokens, index) => {
                let (path, end) = segments(tokens, index);
                self.record(&path, module, Place::Code);
                end
            }
            _ => index + 1,
        }
    }

    /// Records every path of a tree such as `a::{b, c::{self, d as e}, f::*}`.
    fn use_tree(&mut self, tokens: &[TokenTree], prefix: &[String], module: &[String], place: Place) {
        for branch in tokens.split(|token| is_punct(token, ',')) {
            let start = if is_separator(branch, 0) { 2 } else { 0 };
            if start >= branch.len() {
                continue;
            }
            let (path, end) = segments(branch, start);
            let path = [prefix, &path].concat();
            match branch.get(end) {
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    self.use_tree(&inner, &path, module, place);
                }
                _ => {
                    let alias = branch.get(end).filter(|token| is_ident(token, "as"));
                    let alias = alias.and_then(|_| branch.get(end + 1)).map(ToString::to_string);
                    self.record_use(path, alias, module, place);
                }
            }
        }
    }

    fn record_use(&mut self, path: Vec<String>, alias: Option<String>, module: &[String], place: Place) {
        let path = match path.split_last() {
            Some((last, parent)) if last == "self" && !parent.is_empty() => parent.to_vec(),
            _ => path,
        };
        let resolved = self.record(&path, module, place);
        if let (Some(resolved), Some(name)) = (resolved, alias.or_else(|| path.last().cloned())) {
            self.re_exports.insert(name, resolved);
        }
    }

    /// Records a path; returns it from the root of the crate if it is one of the own crate.
    fn record(&mut self, path: &[String], module: &[String], place: Place) -> Option<Vec<String>> {
        let first = path.first()?;
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => module.to_vec(),
            child if self.children.contains(child) => [module, std::slice::from_ref(first)].concat(),
            _ => {
                self.external.push(Import { path: path.to_vec(), is_re_export: place == Place::PubUse });
                return None;
            }
        };
        for segment in path.iter().skip(usize::from(first != "super")) {
            match segment.as_str() {
                "super" => drop(base.pop()),
                name => base.push(name.to_owned()),
            }
        }
        self.imports.push(Import { path: base.clone(), is_re_export: place == Place::PubUse });
        Some(base)
    }
}

/// The identifiers of the path that begins at `index`, and the index after them.
fn segments(tokens: &[TokenTree], mut index: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    while let Some(TokenTree::Ident(ident)) = tokens.get(index) {
        path.push(ident.to_string());
        index += 1;
        if !is_separator(tokens, index) {
            break;
        }
        index += 2;
    }
    (path, index)
}

/// Whether the token before belongs to the same path, or is the `$` of `$crate`.
fn continues_path(tokens: &[TokenTree], index: usize) -> bool {
    index > 0 && (is_punct(&tokens[index - 1], '$') || (index > 1 && is_separator(tokens, index - 2)))
}

/// Whether this `use` is one of a bound such as `impl Fn() + use<'a>`.
fn is_precise_capture(tokens: &[TokenTree], index: usize) -> bool {
    tokens.get(index + 1).is_some_and(|token| is_punct(token, '<'))
}

/// Whether the tokens before a `use` end with `pub`, or with `pub(…)`.
fn is_public(before: &[TokenTree]) -> bool {
    match before {
        [.., token] if is_ident(token, "pub") => true,
        [.., token, TokenTree::Group(group)] => {
            is_ident(token, "pub") && group.delimiter() == Delimiter::Parenthesis
        }
        _ => false,
    }
}

fn inline_module(tokens: &[TokenTree], index: usize) -> Option<(&Group, usize)> {
    match tokens.get(index..index + 3)? {
        [keyword, TokenTree::Ident(_), TokenTree::Group(group)]
            if is_ident(keyword, "mod") && group.delimiter() == Delimiter::Brace =>
        {
            Some((group, index + 3))
        }
        _ => None,
    }
}

/// The index after the item that begins here: after its `;` or its `{…}`.
fn end_of_item(tokens: &[TokenTree], index: usize) -> usize {
    let end = (index..tokens.len()).find(|at| ends_item(&tokens[*at]));
    end.map_or(tokens.len(), |end| end + 1)
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(token, ';'),
    }
}

/// Whether the item that follows these tokens has an attribute such as `#[cfg(test)]`.
fn has_test_attribute(before: &[TokenTree]) -> bool {
    let start = before.iter().rposition(ends_item).map_or(0, |at| at + 1);
    (start..before.len()).any(|index| is_test_attribute(before, index))
}

/// Whether `#[cfg(test)]`, or a condition that includes it, begins here.
fn is_test_attribute(tokens: &[TokenTree], index: usize) -> bool {
    let Some([hash, TokenTree::Group(attribute)]) = tokens.get(index..index + 2) else { return false };
    let text = attribute.stream().to_string();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '"' && c != '_').collect();
    is_punct(hash, '#')
        && words.first() == Some(&"cfg")
        && words.contains(&"test")
        && !words.contains(&"any")
        && !words.contains(&"not")
}

fn is_separator(tokens: &[TokenTree], index: usize) -> bool {
    let is_colon = |at: usize| tokens.get(at).is_some_and(|token| is_punct(token, ':'));
    is_colon(index) && is_colon(index + 1)
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn is_ident(token: &TokenTree, wanted: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == wanted)
}
