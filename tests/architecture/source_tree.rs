//! The files of one crate, and what each of them imports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use crate::imports::{FileContent, Import};

/// The path of a module within its crate; empty for the root.
pub type ModulePath = Vec<String>;

/// A source file of a crate.
pub struct SourceFile {
    /// Relative to the crate's source directory.
    pub name: String,
    content: FileContent,
}

/// The files of one crate by module path, without those that are compiled for tests only.
pub struct SourceTree {
    files: BTreeMap<ModulePath, SourceFile>,
}

/// An import of something in another module of the same crate.
pub struct Reference<'a> {
    /// The file that imports, and its module.
    pub file: &'a str,
    pub from: &'a [String],
    /// The module that defines what is imported, as far as re-exports tell.
    pub to: &'a [String],
    pub import: &'a Import,
}

impl SourceTree {
    /// Reads all files below a directory.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut texts = Vec::new();
        collect(root, root, &mut texts)?;
        Ok(Self::parse(texts))
    }

    /// Parses files, given by their names relative to the source directory.
    pub fn parse(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: BTreeMap<ModulePath, SourceFile> = texts
            .into_iter()
            .filter(|(name, _)| name != "main.rs")
            .map(|(name, text)| {
                let path = module_path(&name);
                let content = FileContent::parse(&name, &text, &path);
                (path, SourceFile { name, content })
            })
            .collect();
        let test_modules: BTreeSet<ModulePath> =
            files.values().flat_map(|file| file.content.test_modules.iter().cloned()).collect();
        files.retain(|path, _| !(1..=path.len()).any(|depth| test_modules.contains(&path[..depth])));
        SourceTree { files }
    }

    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.values()
    }

    /// Every import from one file of the crate of something in another.
    pub fn references(&self) -> impl Iterator<Item = Reference<'_>> {
        self.files.iter().flat_map(move |(from, file)| {
            file.content.imports.iter().filter_map(move |import| {
                let to = self.definition(&import.path, 0)?;
                (to != from.as_slice()).then_some(Reference { file: &file.name, from, to, import })
            })
        })
    }

    /// The module in which a path ends, following re-exports.
    fn definition<'a>(&'a self, path: &[String], depth: usize) -> Option<&'a [String]> {
        let length = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        let (module, file) = self.files.get_key_value(&path[..length])?;
        let re_export = path.get(length).and_then(|item| file.content.re_exports.get(item));
        match re_export {
            Some(original) if depth < 8 && original != path => self.definition(original, depth + 1),
            _ => Some(module),
        }
    }
}

impl SourceFile {
    /// Every path that the file imports, or uses in place.
    pub fn external_paths(&self) -> &[Import] {
        &self.content.external
    }
}

fn collect(root: &Path, directory: &Path, texts: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, texts)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            texts.push((name, fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

fn module_path(name: &str) -> ModulePath {
    let stem = name.trim_end_matches(".rs");
    let segments = stem.split('/').filter(|segment| !matches!(*segment, "mod" | "lib"));
    segments.map(str::to_owned).collect()
}
