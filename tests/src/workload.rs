//! What the benches of decisions ask: a policy set of any size in which each request meets five policies.
//!
//! Policies come in fives. A five is about the people of one group and the documents of one folder: four permits and a
//! `forbid`, each with a condition. A request asks whether somebody of a group may read a document of the folder of the
//! same number, so the five of that number are all that could apply, however many others there are.

use std::{fmt::Write as _, str::FromStr, sync::LazyLock};

use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Request, Schema};
use serde_json::{Value, json};

use crate::random::Random;

/// The schema of the workload.
pub const SCHEMA: &str = "
entity Group in [Group];
entity Folder in [Folder];
entity User in [Group] { level: Long, department: String };
entity Doc in [Folder] { owner: User, level: Long, departments: Set<String> };
action read, write, share appliesTo { principal: User, resource: Doc, context: { mfa: Bool } };
";

/// Under which version the schema is published.
pub const SCHEMA_VERSION: &str = "bench";

/// How many statements a group and its folder have.
const FIVE: usize = 5;

/// A policy set, the entities it is about, and requests.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// How many statements.
    pub statements: usize,
    /// How many users there are, and as many documents.
    pub people: usize,
    /// The number of the first group, so that several workloads can have nothing in common.
    pub first: usize,
}

/// A request, and the answer that Cedar gives.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// The id of the user who asks.
    pub user: usize,
    /// The id of the document that is asked for.
    pub doc: usize,
    /// What is said about the circumstances.
    pub mfa: bool,
    /// Whether it is allowed.
    pub allowed: bool,
}

impl Workload {
    /// This many statements and four thousand users.
    #[must_use]
    pub fn of(statements: usize) -> Self {
        Self { statements, people: 4_000, first: 0 }
    }

    /// The text of one statement.
    #[must_use]
    pub fn statement(&self, number: usize) -> String {
        let group = self.first + number / FIVE;
        let principal = format!("principal in Group::\"g{group}\"");
        let resource = format!("resource in Folder::\"f{group}\"");
        let (effect, scope, condition) = match number % FIVE {
            0 => ("permit", "action == Action::\"read\"", "resource.level <= principal.level"),
            1 => ("permit", "action in [Action::\"read\", Action::\"write\"]", "resource.owner == principal"),
            2 => ("permit", "action == Action::\"read\"", "resource.departments.contains(principal.department)"),
            3 => ("permit", "action", "context.mfa && principal.level >= 5"),
            _ => ("forbid", "action", "resource.level > 7 && !context.mfa"),
        };
        format!("{effect} ({principal}, {scope}, {resource}) when {{ {condition} }};")
    }

    /// The texts of policy versions with this many statements each.
    #[must_use]
    pub fn versions(&self, statements_each: usize) -> Vec<String> {
        let numbers: Vec<usize> = (0..self.statements).collect();
        numbers.chunks(statements_each).map(|numbers| self.text(numbers.iter().copied())).collect()
    }

    /// The texts of these statements.
    #[must_use]
    pub fn text(&self, numbers: impl Iterator<Item = usize>) -> String {
        numbers.fold(String::new(), |mut text, number| {
            writeln!(text, "{}", self.statement(number)).unwrap();
            text
        })
    }

    fn groups(&self) -> usize {
        self.statements.div_ceil(FIVE)
    }

    /// How many groups have members: no more than there are people.
    fn peopled(&self) -> usize {
        self.groups().min(self.people)
    }

    /// The group of a user, and the folder of a document.
    fn group_of(&self, number: usize) -> usize {
        self.first + (number % self.peopled()) * (self.groups() / self.peopled())
    }

    fn user(&self, number: usize) -> Value {
        let (level, department) = (number * 7 % 10, number % 20);
        json!({
            "uid": uid("User", 'u', number),
            "attrs": {"level": level, "department": format!("d{department}")},
            "parents": [uid("Group", 'g', self.group_of(number))],
        })
    }

    fn doc(&self, number: usize) -> Value {
        let (level, one, other) = (number * 3 % 10, number % 19, number % 23);
        // Every eighth or so belongs to somebody who could ask for it.
        let owner = if number.is_multiple_of(8) { number } else { (number + 1) % self.people };
        json!({
            "uid": uid("Doc", 'd', number),
            "attrs": {
                "owner": {"__entity": uid("User", 'u', owner)},
                "level": level,
                "departments": [format!("d{one}"), format!("d{other}")],
            },
            "parents": [uid("Folder", 'f', self.group_of(number))],
        })
    }

    fn group(group: usize) -> [Value; 2] {
        let entity = |type_name: &str, letter| {
            let all = json!({"type": type_name, "id": "all"});
            json!({"uid": uid(type_name, letter, group), "attrs": {}, "parents": [all]})
        };
        [entity("Group", 'g'), entity("Folder", 'f')]
    }

    /// Every entity.
    #[must_use]
    pub fn entities(&self) -> Vec<Value> {
        let groups = (0..self.peopled()).flat_map(|number| Self::group(self.group_of(number)));
        groups.chain((0..self.people).flat_map(|number| [self.user(number), self.doc(number)])).collect()
    }

    /// Whether the first policy could apply to a request.
    #[must_use]
    pub fn meets_first(&self, question: &Question) -> bool {
        self.group_of(question.user) == self.first
    }

    /// The entities that a request is about: the user, the document, and what they are in.
    #[must_use]
    pub fn entities_of(&self, question: &Question) -> Vec<Value> {
        let [group, folder] = Self::group(self.group_of(question.user));
        vec![self.user(question.user), self.doc(question.doc), group, folder]
    }

    /// The members of a decision request.
    #[must_use]
    pub fn request(&self, question: &Question) -> Value {
        json!({
            "principal": uid("User", 'u', question.user),
            "action": {"type": "Action", "id": "read"},
            "resource": uid("Doc", 'd', question.doc),
            "context": {"mfa": question.mfa},
        })
    }

    /// This many requests, the same at every run.
    #[must_use]
    pub fn questions(&self, count: usize) -> Vec<Question> {
        let mut random = Random::spread(1);
        let mut question = || {
            let user = random.below(self.people);
            let turns = self.people / self.peopled();
            let doc = user % self.peopled() + self.peopled() * random.below(turns);
            self.answered(Question { user, doc, mfa: random.below(2) == 0, allowed: false })
        };
        (0..count).map(|_| question()).collect()
    }

    /// Asks Cedar about the five policies that could apply.
    fn answered(&self, question: Question) -> Question {
        static SCHEMA_OF_ALL: LazyLock<Schema> = LazyLock::new(|| Schema::from_str(SCHEMA).unwrap());
        let first = (self.group_of(question.user) - self.first) * FIVE;
        let policies = PolicySet::from_str(&self.text(first..self.statements.min(first + FIVE))).unwrap();
        let entities = Value::Array(self.entities_of(&question));
        let entities = Entities::from_json_value(entities, Some(&SCHEMA_OF_ALL)).unwrap();
        let answer = Authorizer::new().is_authorized(&self.cedar_request(&question), &policies, &entities);
        let allowed = answer.decision() == cedar_policy::Decision::Allow;
        Question { allowed, ..question }
    }

    /// The request as Cedar takes it.
    #[must_use]
    pub fn cedar_request(&self, question: &Question) -> Request {
        let cedar = |uid: Value| EntityUid::from_json(uid).unwrap();
        let context = Context::from_json_value(json!({"mfa": question.mfa}), None).unwrap();
        Request::new(
            cedar(uid("User", 'u', question.user)),
            cedar(json!({"type": "Action", "id": "read"})),
            cedar(uid("Doc", 'd', question.doc)),
            context,
            None,
        )
        .unwrap()
    }
}

fn uid(type_name: &str, letter: char, number: usize) -> Value {
    json!({"type": type_name, "id": format!("{letter}{number}")})
}
