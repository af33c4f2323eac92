//! The page: one document with its style and script inside, and the policy under which nothing else loads or runs.

use std::sync::LazyLock;

use hmac_sha256::Hash;

use crate::sys::base64::base64;

const DOCUMENT: &str = include_str!("index.html");
const STYLE_MARK: &str = "/* style */";
const SCRIPT_MARK: &str = "/* script */";

const STYLE: &str = concat!(
    include_str!("style/base.css"),
    include_str!("style/search.css"),
    include_str!("style/trace.css"),
    include_str!("style/views.css"),
);

/// One module: the files share a scope, so their order matters only for what runs at once.
const SCRIPT: &str = concat!(
    include_str!("script/dom.js"),
    include_str!("script/format.js"),
    include_str!("script/colours.js"),
    include_str!("script/api.js"),
    include_str!("script/list.js"),
    include_str!("script/table.js"),
    include_str!("script/query.js"),
    include_str!("script/search.js"),
    include_str!("script/rows.js"),
    include_str!("script/model.js"),
    include_str!("script/trace.js"),
    include_str!("script/statistics.js"),
    include_str!("script/waterfall.js"),
    include_str!("script/minimap.js"),
    include_str!("script/details.js"),
    include_str!("script/find.js"),
    include_str!("script/compare.js"),
    include_str!("script/open.js"),
    include_str!("script/layers.js"),
    include_str!("script/map.js"),
    include_str!("script/losses.js"),
    include_str!("script/empty.js"),
    include_str!("script/footer.js"),
    include_str!("script/keys.js"),
    include_str!("script/main.js"),
);

/// The document of the page, and the value of the header `Content-Security-Policy` that belongs to it.
pub(crate) struct Page {
    pub(crate) body: String,
    pub(crate) csp: String,
}

/// Returns the page, joined and hashed at the first call.
pub(crate) fn page() -> &'static Page {
    static PAGE: LazyLock<Page> = LazyLock::new(|| Page {
        body: DOCUMENT
            .replacen(STYLE_MARK, STYLE, 1)
            .replacen(SCRIPT_MARK, SCRIPT, 1),
        csp: policy(),
    });
    &PAGE
}

/// Allows this style, this script and requests to the page's own address. Trusted types turn each way from text to
/// markup into an error of the script.
fn policy() -> String {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        source_hash(SCRIPT),
        source_hash(STYLE)
    )
}

fn source_hash(text: &str) -> String {
    format!("sha256-{}", base64(&Hash::hash(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the ways from text to markup, style or code.
    const FORBIDDEN: [&str; 12] = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "createContextualFragment",
        "DOMParser",
        "setHTML",
        "eval(",
        "Function(",
        "javascript:",
        "setAttribute(\"style\"",
        "srcdoc",
    ];

    fn element(name: &str) -> &'static str {
        let body = &page().body;
        let opened = body
            .split_once(&format!("<{name}"))
            .unwrap()
            .1
            .split_once('>')
            .unwrap()
            .1;
        opened.split_once(&format!("</{name}>")).unwrap().0
    }

    #[test]
    fn the_policy_names_the_hash_of_the_style_and_of_the_script_as_they_stand_in_the_document() {
        for name in ["style", "script"] {
            let source = format!("{name}-src '{}'", source_hash(element(name)));
            assert!(
                page().csp.contains(&source),
                "{source} is missing in {}",
                page().csp
            );
        }
    }

    #[test]
    fn the_policy_allows_nothing_that_it_does_not_name() {
        assert!(page().csp.starts_with("default-src 'none'; "));
        assert!(!page().csp.contains("unsafe"));
    }

    #[test]
    fn data_reaches_the_document_only_as_text() {
        for forbidden in FORBIDDEN {
            assert!(!SCRIPT.contains(forbidden), "the script uses `{forbidden}`");
        }
    }

    #[test]
    fn the_document_loads_nothing_from_elsewhere() {
        for forbidden in ["src=", "<link", "import("] {
            assert!(
                !page().body.contains(forbidden),
                "the document contains `{forbidden}`"
            );
        }
        for forbidden in ["@import", "url("] {
            assert!(
                !STYLE.contains(forbidden),
                "the style contains `{forbidden}`"
            );
        }
    }

    #[test]
    fn the_style_and_the_script_cannot_end_their_elements() {
        for text in [STYLE, SCRIPT] {
            for end in ["</style", "</script", "<!--", "\r"] {
                assert!(
                    !text.contains(end),
                    "{end:?} would end or change the element"
                );
            }
        }
    }

    #[test]
    fn the_document_has_one_style_and_one_script_and_no_mark_left() {
        let body = &page().body;
        assert_eq!(body.matches("<style>").count(), 1);
        assert_eq!(body.matches("<script ").count(), 1);
        assert!(!body.contains(STYLE_MARK) && !body.contains(SCRIPT_MARK));
    }
}
