//! Tests as `JUnit` XML, in the form that pipelines read: suites, cases and failures.

use std::fmt::Write as _;

use cedarkeep_repo::{TestResult, TestRun};

/// The report, a suite a file.
pub(super) fn report(run: &TestRun) -> String {
    let (tests, failed) = (run.results.len(), run.failed);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"cedarkeep\" tests=\"{tests}\" failures=\"{failed}\">\n"
    );
    for suite in run.results.chunk_by(|a, b| a.file == b.file) {
        let file = suite.first().map(|result| escaped(&result.file)).unwrap_or_default();
        let failed = suite.iter().filter(|result| !result.met).count();
        let _ = writeln!(xml, "  <testsuite name=\"{file}\" tests=\"{}\" failures=\"{failed}\">", suite.len());
        for result in suite {
            case(&mut xml, &file, result);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>");
    xml
}

fn case(xml: &mut String, file: &str, result: &TestResult) {
    let _ = write!(xml, "    <testcase classname=\"{file}\" file=\"{file}\" name=\"{}\"", escaped(&result.name));
    let Some(first) = result.failures.first() else {
        xml.push_str("/>\n");
        return;
    };
    let (message, all) = (escaped(first), escaped(&result.failures.join("\n")));
    let _ = writeln!(xml, ">\n      <failure message=\"{message}\">{all}</failure>\n    </testcase>");
}

/// The text as it may stand in XML 1.0, in an attribute too; what may not stand there at all is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c if c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c) => escaped.push(char::REPLACEMENT_CHARACTER),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(file: &str, failures: &[&str]) -> TestResult {
        TestResult {
            file: file.to_owned(),
            name: "a <b> & \"c\"\u{1b}".to_owned(),
            met: failures.is_empty(),
            decision: None,
            reason: Vec::new(),
            errors: Vec::new(),
            failures: failures.iter().map(|&failure| failure.to_owned()).collect(),
        }
    }

    #[test]
    fn files_are_suites_and_text_cannot_break_out() {
        let run = TestRun {
            passed: 1,
            failed: 1,
            results: vec![result("tests/a.json", &["]]> \"x\"", "y"]), result("tests/b.json", &[])],
        };
        let name = "a &lt;b&gt; &amp; &quot;c&quot;\u{fffd}";
        let expected = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<testsuites name=\"cedarkeep\" tests=\"2\" failures=\"1\">",
            "  <testsuite name=\"tests/a.json\" tests=\"1\" failures=\"1\">",
            &format!("    <testcase classname=\"tests/a.json\" file=\"tests/a.json\" name=\"{name}\">"),
            "      <failure message=\"]]&gt; &quot;x&quot;\">]]&gt; &quot;x&quot;&#10;y</failure>",
            "    </testcase>",
            "  </testsuite>",
            "  <testsuite name=\"tests/b.json\" tests=\"1\" failures=\"0\">",
            &format!("    <testcase classname=\"tests/b.json\" file=\"tests/b.json\" name=\"{name}\"/>"),
            "  </testsuite>",
            "</testsuites>",
        ];
        assert_eq!(report(&run), expected.join("\n"));
    }
}
