//! Formatting of policies, as Cedar's own command line does it.

use cedar_policy_formatter::{Config, policies_str_to_pretty};

use crate::{content::Statements, error::CedarError};

/// What `cedar format` takes when nobody says otherwise, so that both agree.
const STYLE: Config = Config { line_width: 80, indent_width: 2 };

/// The text in Cedar's own style. It means the same, comments stay, and formatting it again changes nothing more. Runs on
/// the [pool](crate::CedarPool).
///
/// # Errors
/// A text that cannot be read, and one of which the formatter would make something else: that one is to be left alone.
pub fn format_policies(text: &str) -> Result<String, CedarError> {
    let before = Statements::from_text(text)?;
    let formatted = policies_str_to_pretty(text, &STYLE)
        .map_err(|error| CedarError::Unreadable(format!("Cedar's formatter does not take it: {error}")))?;
    let after = Statements::from_text(&formatted)?;
    if after.sha == before.sha {
        Ok(formatted)
    } else {
        Err(CedarError::Unreadable("Cedar's formatter would change what it means; leave it as it is".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::on_pool;

    #[test]
    fn a_formatted_text_keeps_its_comments_and_stays_as_it_is() {
        on_pool(|| {
            let text =
                "// who reads\n@id(\"a\") permit(principal,action,\n\n resource) when{context.x>1}; // end\n// last";
            let formatted = format_policies(text).unwrap();
            assert!(formatted.starts_with("// who reads\n@id(\"a\")\npermit (principal, action, resource)\nwhen"));
            assert!(formatted.contains("// end") && formatted.ends_with("// last\n"), "{formatted}");
            assert_eq!(format_policies(&formatted).unwrap(), formatted);
        });
    }

    #[test]
    fn what_is_no_policy_is_refused_with_its_place() {
        on_pool(|| {
            let error = format_policies("permit (\n  principal, action resource);").unwrap_err();
            let CedarError::Invalid { findings } = error else { panic!("{error}") };
            assert_eq!(findings[0].line, Some(2));
            assert!(matches!(format_policies("// nothing"), Err(CedarError::MissingContent)));
        });
    }

    /// The formatter recurses as the parser does: what the guard lets through must fit the stack of the pool.
    #[test]
    fn the_deepest_text_that_is_let_through_is_formatted() {
        for text in [
            format!("permit(principal, action, resource) when {{ {}true{} }};", "(".repeat(130), ")".repeat(130)),
            format!("permit(principal, action, resource) when {{ {}true }};", "true && ".repeat(390)),
            format!("permit(principal, action, resource) when {{ context{} }};", ".a".repeat(390)),
        ] {
            on_pool(move || format_policies(&text).map(|_| ()).unwrap());
        }
    }
}
