//! Findings as SARIF 2.1.0 (OASIS), which code hosts show beside the code.

use std::path::Path;

use cedarkeep_repo::{Finding, Rule, Severity};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::describe;

/// All but what stands for itself in the path of a URI (RFC 3986, 2.3 and 3.3).
const BESIDE_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A log with one run.
pub(super) fn log(folder: &Path, findings: &[Finding]) -> Value {
    let rules = Rule::ALL.iter().map(|rule| json!({"id": rule.name(), "shortDescription": {"text": rule.says()}}));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "cedarkeep",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>(),
            }},
            // Ours are characters, as Unicode counts them.
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(|finding| result(folder, finding)).collect::<Vec<_>>(),
        }],
    })
}

fn result(folder: &Path, finding: &Finding) -> Value {
    // A folder that is named from the root says nothing about where its files stand in the host's repository.
    let folder = if folder.is_absolute() { Path::new("") } else { folder };
    let artifact = json!({"uri": uri(&describe::path(folder, &finding.file))});
    let location = match (finding.line, finding.column) {
        (Some(line), Some(column)) => {
            json!({"artifactLocation": artifact, "region": {"startLine": line, "startColumn": column}})
        }
        _ => json!({"artifactLocation": artifact}),
    };
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({
        "ruleId": finding.rule.name(),
        "level": level,
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": location}],
    })
}

/// A path as a relative URI reference (RFC 3986).
fn uri(path: &str) -> String {
    utf8_percent_encode(path, BESIDE_PATHS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(uri("policies/a b%ü.cedar"), "policies/a%20b%25%C3%BC.cedar");
    }
}
