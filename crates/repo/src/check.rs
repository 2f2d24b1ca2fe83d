//! Checking a repository: whether it can be published, and what is probably not meant as it stands.

use std::collections::HashMap;

use cedarkeep_cedar::{
    BUILT_IN_SCHEMAS, Given, NamedText, Outline, PolicyContent, Schema, SchemaContent, TestBed, TestPolicies,
    TestSchema, load_schema, outline, read_policy, read_schema,
};
use cedarkeep_model::{Name, json::Strict};
use serde_json::Value;

use crate::{
    cases::{self, Case},
    finding::{Finding, Rule, Severity, of_cedar_error},
    layout::{ENTITIES, POLICIES, ReadError, Repository, SCHEMA, Source},
    lints,
    settings::SETTINGS,
};

/// What checking found.
#[derive(Debug)]
pub struct Check {
    /// Errors and warnings.
    pub findings: Vec<Finding>,
    /// What can be tested and published, when there is no error.
    pub ready: Option<Ready>,
}

/// A repository without an error.
#[derive(Debug)]
pub struct Ready {
    /// The policies, in the order of their files.
    pub policies: Vec<PolicyFile>,
    /// The schema.
    pub schema: SchemaContent,
    /// The tests, in the order of their files.
    pub cases: Vec<Case>,
    pub(crate) loaded: Schema,
    pub(crate) entities: Value,
}

/// A policy that can be read.
#[derive(Debug)]
pub struct PolicyFile {
    /// Its name: that of its `@name` annotation, else that of its file.
    pub name: Name,
    /// The file.
    pub source: Source,
    /// Its content.
    pub content: PolicyContent,
    pub(crate) outlines: Vec<Outline>,
}

impl Check {
    /// What reading a folder found, if reading it found something.
    ///
    /// # Errors
    /// What kept it from being read.
    pub fn of_unread(error: ReadError) -> Result<Self, ReadError> {
        match error {
            ReadError::Invalid(findings) => Ok(Self { findings, ready: None }),
            other => Err(other),
        }
    }

    /// Whether it can be published.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.ready.is_some()
    }

    /// How many findings are as bad as that.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

impl Repository {
    /// Looks at everything. Runs on the [pool](cedarkeep_cedar::CedarPool).
    #[must_use]
    pub fn check(&self) -> Check {
        let mut findings = Vec::new();
        let schema = keep(&mut findings, self.check_schema());
        let loaded = schema.as_ref().map(|(_, loaded)| loaded);
        let policies = self.check_policies(loaded, &mut findings);
        let entities = keep(&mut findings, self.check_entities(&policies, loaded));
        let mut cases = Vec::new();
        for source in &self.tests {
            cases.extend(keep(&mut findings, cases::read(source).map_err(|finding| vec![finding])).unwrap_or_default());
        }
        let valid = findings.iter().all(|finding| finding.severity != Severity::Error);
        findings.extend(lints::look(&policies));
        let ready = match (schema, entities) {
            (Some((schema, loaded)), Some(entities)) if valid => {
                Some(Ready { policies, schema, cases, loaded, entities })
            }
            _ => None,
        };
        Check { findings, ready }
    }

    /// The schema of the file; where there is none, the one of that version that every zone starts with.
    fn check_schema(&self) -> Result<(SchemaContent, Schema), Vec<Finding>> {
        let version = self.settings.schema_version.as_str();
        let built_in = || BUILT_IN_SCHEMAS.iter().find(|(known, _)| *known == version);
        let source = match (&self.schema, built_in()) {
            (Some(source), _) => source.clone(),
            (None, Some((_, text))) => Source { path: SETTINGS.to_owned(), text: (*text).to_owned() },
            (None, None) => {
                let message = format!(
                    "it is missing: write the Cedar schema that the policies are validated against, or name one that \
                     every zone has as schema_version in {SETTINGS}: {}",
                    BUILT_IN_SCHEMAS.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ")
                );
                return Err(vec![Finding::error(Rule::Schema, SCHEMA, message)]);
            }
        };
        let read = read_schema(Given::Text(&source.text)).and_then(|schema| {
            load_schema(&schema.cedar_schema_json, schema.schema_sha).map(|loaded| (schema, loaded))
        });
        read.map_err(|error| of_cedar_error(Rule::Schema, &source, &error))
    }

    fn check_policies(&self, schema: Option<&Schema>, findings: &mut Vec<Finding>) -> Vec<PolicyFile> {
        if self.policies.is_empty() {
            let message = format!("there is no policy: write at least one as {POLICIES}/NAME.cedar");
            findings.push(Finding::error(Rule::Layout, POLICIES, message));
        }
        let mut policies: Vec<PolicyFile> = Vec::new();
        let mut files: HashMap<Name, String> = HashMap::new();
        for source in &self.policies {
            let Some(policy) = keep(findings, PolicyFile::read(source)) else { continue };
            findings.extend(policy.validate(schema));
            if let Some(other) = files.get(&policy.name) {
                let message = format!(
                    "{other} is named {:?} too, and a name stands for one policy: rename one of the files, or change \
                     its @name",
                    policy.name.as_str()
                );
                findings.push(Finding::error(Rule::Name, &source.path, message));
            } else {
                files.insert(policy.name.clone(), source.path.clone());
                policies.push(policy);
            }
        }
        policies
    }

    /// The entities, read as they will be for the tests.
    fn check_entities(&self, policies: &[PolicyFile], schema: Option<&Schema>) -> Result<Value, Vec<Finding>> {
        let Some(source) = &self.entities else { return Ok(Value::Array(Vec::new())) };
        let Strict(value) = serde_json::from_str(&source.text)
            .map_err(|error| vec![Finding::from_json(Rule::Entities, source, &error)])?;
        let (Some(policy), Some(schema)) = (policies.first(), schema) else { return Ok(value) };
        let named = [NamedText { name: policy.name.as_str(), text: &policy.source.text }];
        let bed = TestBed::new(TestPolicies::Named(&named), TestSchema::Strict(schema.clone()))
            .map_err(|error| of_cedar_error(Rule::Entities, source, &error))?;
        match bed.read_entities(&value) {
            Ok(_) => Ok(value),
            Err(error) => Err(vec![Finding::error(Rule::Entities, ENTITIES, error.to_string())]),
        }
    }
}

impl PolicyFile {
    pub(crate) fn read(source: &Source) -> Result<Self, Vec<Finding>> {
        let refused = |error| of_cedar_error(Rule::Syntax, source, &error);
        let content = read_policy(Given::Text(&source.text)).map_err(refused)?;
        let outlines = outline(&source.text).map_err(refused)?;
        let name = name(source, &outlines).map_err(|finding| vec![finding])?;
        Ok(Self { name, source: source.clone(), content, outlines })
    }

    fn validate(&self, schema: Option<&Schema>) -> Vec<Finding> {
        let Some(schema) = schema else { return Vec::new() };
        let given = TestPolicies::Given(Given::Text(&self.source.text));
        let bed = match TestBed::new(given, TestSchema::Strict(schema.clone())) {
            Ok(bed) => bed,
            Err(error) => return of_cedar_error(Rule::Validation, &self.source, &error),
        };
        let Some(found) = bed.findings() else { return Vec::new() };
        let errors = found.errors.iter().map(|error| Finding::from_cedar(Rule::Validation, &self.source, error));
        let warnings = found.warnings.iter().map(|warning| {
            let finding = Finding::from_cedar(Rule::Suspicious, &self.source, warning);
            Finding { severity: Severity::Warning, ..finding }
        });
        errors.chain(warnings).collect()
    }
}

/// The name of a policy: its `@name`, which stands at one statement or is the same at all, else the name of its file.
fn name(source: &Source, outlines: &[Outline]) -> Result<Name, Finding> {
    let error = |message: String| Finding::error(Rule::Name, &source.path, message);
    let mut named = outlines.iter().filter_map(|outline| Some((outline, outline.annotations.get("name")?)));
    let Some((outline, text)) = named.next() else {
        let stem = source.stem();
        return Name::new(stem).map_err(|why| error(format!("the name of the file cannot be that of a policy: {why}")));
    };
    let at = |outline: &Outline, finding: Finding| finding.at(&source.text, outline.line, outline.column);
    if let Some((other, second)) = named.find(|(_, other)| *other != text) {
        let message = format!(
            "a file is one policy and has one name, but @name says {text:?} and {second:?}: give each a file of its own, \
             or one name"
        );
        return Err(at(other, error(message)));
    }
    Name::new(text.as_str()).map_err(|why| at(outline, error(format!("@name cannot be the name of a policy: {why}"))))
}

/// What was read, its faults put to the others.
fn keep<T>(findings: &mut Vec<Finding>, read: Result<T, Vec<Finding>>) -> Option<T> {
    read.map_err(|found| findings.extend(found)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{findings, on_pool, sample};

    /// Rule, file and place of what is found in the sample with these files.
    fn found(files: &[(&str, &str)]) -> Vec<(&'static str, String, Option<u32>, Option<u32>)> {
        let folder = sample(files);
        let place = |finding: Finding| (finding.rule.name(), finding.file, finding.line, finding.column);
        findings(folder.path()).into_iter().map(place).collect()
    }

    #[test]
    fn the_sample_is_without_fault() {
        let folder = sample(&[]);
        let check = on_pool(folder.path());
        assert_eq!(check.findings, []);
        let ready = check.ready.unwrap();
        let names: Vec<_> = ready.policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names, ["owners", "readers"]);
        assert!(!ready.cases.is_empty());
    }

    #[test]
    fn every_fault_is_told_with_its_file_and_place() {
        let at = |rule, file: &str, line, column| vec![(rule, file.to_owned(), Some(line), Some(column))];
        let policy = "policies/a.cedar";
        assert_eq!(
            found(&[(policy, "permit (principal, action,\n  resource) when { principal.};")]),
            at("syntax", policy, 2, 30)
        );
        assert_eq!(
            found(&[(policy, "forbid (principal is User, action, resource)\nwhen { principal.age > 3 };")]),
            at("validation", policy, 2, 8)
        );
        assert_eq!(found(&[("schema.cedarschema", "entity User\nentity Document;")])[0], at("schema", SCHEMA, 2, 1)[0]);
        assert_eq!(found(&[(ENTITIES, "[\n  1, ]")])[0].0, "entities");
        let unknown = r#"[{"uid": {"type": "Alien", "id": "x"}, "attrs": {}, "parents": []}]"#;
        assert_eq!(found(&[(ENTITIES, unknown)]), [("entities", ENTITIES.to_owned(), None, None)]);
        assert_eq!(found(&[("tests/a.json", "[{}]")])[0].0, "test-file");
    }

    #[test]
    fn a_policy_is_named_by_its_annotation_or_its_file() {
        let same = "@name(\"owners\")\nforbid (principal, action, resource) when { context.mfa };";
        assert!(found(&[("policies/z.cedar", same)]).contains(&("name", "policies/z.cedar".into(), None, None)));
        for (file, text) in [
            (
                "policies/a.cedar",
                "@name(\"a\") permit (principal, action, resource);\n@name(\"b\") forbid (principal, action, resource);",
            ),
            ("policies/a.cedar", "@name permit (principal, action, resource);"),
            ("policies/ a.cedar", "permit (principal, action, resource);"),
        ] {
            assert!(found(&[(file, text)]).iter().any(|found| found.0 == "name"), "{file}: {text}");
        }
        let folder = sample(&[("policies/z.cedar", "@name(\"zebra\") permit (principal, action, resource);")]);
        let names: Vec<_> =
            on_pool(folder.path()).ready.unwrap().policies.into_iter().map(|policy| policy.name).collect();
        assert_eq!(names.last().map(Name::as_str), Some("zebra"));
    }

    #[test]
    fn a_zones_own_schema_needs_no_file() {
        let folder = sample(&[(SETTINGS, "policy_set = \"a\"\nschema_version = \"2026-03-16\"")]);
        for file in [SCHEMA, ENTITIES] {
            std::fs::remove_file(folder.path().join(file)).unwrap();
        }
        let found = findings(folder.path());
        assert!(found.iter().all(|finding| finding.rule != Rule::Schema), "{found:?}");
        assert!(found[0].message.contains("did you mean `Keycard::User`"), "{found:?}");
        let folder = sample(&[]);
        std::fs::remove_file(folder.path().join(SCHEMA)).unwrap();
        assert!(findings(folder.path())[0].message.contains("2026-03-16"));
    }
}
