//! Pagination and the `Link` header.

use crate::query_string::QueryString;

/// The requested part of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageRequest {
    pub(crate) number: usize,
    pub(crate) size: usize,
}

impl PageRequest {
    /// The page requested by `page` and `per_page`: 30 items by default, at most 100.
    pub(crate) fn of(query: &QueryString) -> Self {
        let size = query.number("per_page").filter(|size| *size > 0).unwrap_or(30).min(100);
        let number = query.number("page").filter(|page| *page > 0).unwrap_or(1);
        Self { number: usize::try_from(number).unwrap_or(usize::MAX), size: size as usize }
    }

    /// The part of `items` on this page.
    pub(crate) fn cut<'a, T>(&self, items: &'a [T]) -> &'a [T] {
        let from = (self.number - 1).saturating_mul(self.size).min(items.len());
        &items[from..(from + self.size).min(items.len())]
    }

    /// The `Link` header for a list of `total` items; `None` if all fit on one page.
    pub(crate) fn links(&self, total: usize, url: &str, query: &QueryString) -> Option<String> {
        let last = total.div_ceil(self.size).max(1);
        let mut links = Vec::new();
        let mut link = |page: usize, rel: &str| {
            links.push(format!("<{url}?{}>; rel=\"{rel}\"", query.with_page(page)));
        };
        if self.number > 1 {
            link((self.number - 1).min(last), "prev");
        }
        if self.number < last {
            link(self.number + 1, "next");
            link(last, "last");
        }
        if self.number > 1 {
            link(1, "first");
        }
        (!links.is_empty()).then(|| links.join(", "))
    }
}
