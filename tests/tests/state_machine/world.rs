//! The service that the model is held against, with names for what the model knows by its place.

use std::collections::BTreeMap;

use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{
    BindingId, BindingMode, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersion, PolicyVersionId, ScopeType,
    ZoneId,
};
use cedarkeep_service::{
    ArchivedFilter, BindingFilter, Call, Error, GivenPolicy, NewPolicyDraft, Order, PageRequest, fsck,
};
use cedarkeep_tests::{
    home::Engine,
    in_process::{InProcess, entries, schema_version},
};

use crate::model::{Outcome, POLICIES, SETS, SetVersion, Slot, State, Step, Version, scope};

const TEXTS: [&str; 3] = [
    "permit (principal, action, resource);",
    "permit (principal, action == Action::\"read\", resource);",
    "forbid (principal, action == Action::\"write\", resource);",
];

pub(crate) struct World {
    it: InProcess,
    zone: ZoneId,
    policies: Vec<PolicyId>,
    sets: Vec<PolicySetId>,
    versions: Vec<Vec<PolicyVersion>>,
    set_versions: Vec<Vec<PolicySetVersionId>>,
}

fn call() -> Call {
    InProcess::call()
}

fn given(text: usize) -> GivenPolicy {
    GivenPolicy::Text(TEXTS[text].to_owned())
}

fn all() -> PageRequest {
    PageRequest { limit: Some(100), order: Order::Asc, ..PageRequest::default() }
}

/// Adds a version to those known unless it is the newest of them.
fn learn<T: Clone + PartialEq>(known: &mut Vec<T>, version: &T) {
    if known.last() != Some(version) {
        known.push(version.clone());
    }
}

impl World {
    pub(crate) async fn new(engine: Engine) -> Self {
        let it = InProcess::on(engine).await;
        let zone = it.zone().await.id;
        let (mut policies, mut sets) = (Vec::new(), Vec::new());
        for number in 0..POLICIES {
            policies.push(it.policy(zone, &format!("policy {number}")).await);
        }
        for number in 0..SETS {
            sets.push(it.set(zone, &format!("set {number}"), scope(number)).await);
        }
        let (versions, set_versions) = (vec![Vec::new(); POLICIES], vec![Vec::new(); SETS]);
        Self { it, zone, policies, sets, versions, set_versions }
    }

    pub(crate) async fn apply(&mut self, step: &Step) -> Outcome {
        let number = self.run(step).await.map_err(|error| error.code())?;
        let zone = self.it.service.zone(&call(), self.zone).await.unwrap();
        Ok((number, zone.revision))
    }

    async fn run(&mut self, step: &Step) -> Result<u64, Error> {
        let (service, zone) = (self.it.service.clone(), self.zone);
        match step {
            Step::Publish { policy, text } => {
                let id = self.policies[*policy];
                let published =
                    service.publish_policy_version(&call(), zone, id, schema_version(), given(*text)).await?.object;
                learn(&mut self.versions[*policy], &published);
                Ok(published.version)
            }
            Step::SaveDraft { policy, text } => {
                let new = NewPolicyDraft {
                    schema_version: Some(schema_version()),
                    given: Some(given(*text)),
                    base_version_id: None,
                };
                service.save_policy_draft(&call(), zone, self.policies[*policy], new).await.map(|_| 0)
            }
            Step::PublishDraft { policy } => {
                let published = service.publish_policy_draft(&call(), zone, self.policies[*policy]).await?.object;
                learn(&mut self.versions[*policy], &published);
                Ok(published.version)
            }
            Step::ArchiveVersion { policy, version } => {
                let id = self.versions[*policy][*version].id;
                let archived = service.archive_policy_version(&call(), zone, self.policies[*policy], id).await?;
                Ok(archived.version)
            }
            Step::ArchivePolicy { policy } => {
                service.archive_policy(&call(), zone, self.policies[*policy]).await.map(|_| 0)
            }
            Step::PublishSet { set, pins } => self.publish_set(*set, pins).await,
            Step::ArchiveSetVersion { set, version } => {
                let id = self.set_versions[*set][*version];
                let archived = service.archive_set_version(&call(), zone, self.sets[*set], id).await?;
                Ok(archived.record.version)
            }
            Step::ArchiveSet { set } => service.archive_policy_set(&call(), zone, self.sets[*set]).await.map(|_| 0),
            Step::Bind { set, version, mode, target } => {
                let target = self.target(scope(*set), *target);
                let version = self.set_versions[*set][*version];
                Ok(service.bind(&call(), zone, version, *mode, Some(target)).await?.object.version)
            }
            Step::Promote { slot } => {
                let id = self.binding(*slot).await;
                Ok(service.promote(&call(), zone, id).await?.object.version)
            }
            Step::Unbind { slot } => {
                let id = self.binding(*slot).await;
                Ok(service.unbind(&call(), zone, id).await?.version)
            }
            Step::Rotate => {
                service.rotate_key(&call(), zone, Some(0)).await?;
                while service.work_once().await {}
                Ok(0)
            }
        }
    }

    async fn publish_set(&mut self, set: usize, pins: &BTreeMap<usize, usize>) -> Result<u64, Error> {
        let pinned: Vec<_> = pins.iter().map(|(policy, version)| self.versions[*policy][*version].clone()).collect();
        let call = call();
        let publish =
            self.it.service.publish_set_version(&call, self.zone, self.sets[set], schema_version(), entries(&pinned));
        let record = publish.await?.object.record;
        learn(&mut self.set_versions[set], &record.id);
        Ok(record.version)
    }

    fn target(&self, scope: ScopeType, target: usize) -> String {
        match scope {
            ScopeType::Zone => self.zone.to_string(),
            ScopeType::Resource => format!("Doc::\"{target}\""),
            ScopeType::User => format!("User::\"{target}\""),
            ScopeType::Session => format!("session {target}"),
        }
    }

    async fn binding(&self, (scope, target, mode): Slot) -> BindingId {
        let filter = BindingFilter {
            scope_types: vec![scope],
            scope_target_ids: vec![self.target(scope, target)],
            modes: vec![mode],
            ..BindingFilter::default()
        };
        let found = self.it.service.bindings(&call(), self.zone, filter, all()).await.unwrap().items;
        let [binding] = found.as_slice() else { panic!("{found:?}") };
        binding.id
    }

    /// All that can be read of the zone, in the model's terms.
    pub(crate) async fn state(&self) -> State {
        let (mut policies, mut sets, call) = (Vec::new(), Vec::new(), call());
        for (place, id) in self.policies.iter().enumerate() {
            let policy = self.it.service.policy(&call, self.zone, *id).await.unwrap();
            let versions = self.it.service.policy_versions(&call, self.zone, *id, ArchivedFilter::Any, all());
            let versions = versions.await.unwrap().items;
            assert_eq!(ids(&versions), ids(&self.versions[place]));
            policies.push((policy.archived.is_some(), versions.iter().map(version).collect()));
        }
        for id in &self.sets {
            let set = self.it.service.policy_set(&call, self.zone, *id).await.unwrap().set;
            let versions = self.it.service.set_versions(&call, self.zone, *id, ArchivedFilter::Any, all());
            let versions = versions.await.unwrap().items.into_iter().map(|version| SetVersion {
                pins: version
                    .record
                    .manifest
                    .entries()
                    .iter()
                    .map(|entry| self.place(entry.policy_id, entry.policy_version_id))
                    .collect(),
                archived: version.archived.is_some(),
            });
            sets.push((set.archived.is_some(), versions.collect()));
        }
        let revision = self.it.service.zone(&call, self.zone).await.unwrap().revision;
        State { policies, sets, bindings: self.bindings().await, revision }
    }

    fn place(&self, policy: PolicyId, version: PolicyVersionId) -> (usize, usize) {
        let policy = self.policies.iter().position(|id| *id == policy).unwrap();
        (policy, self.versions[policy].iter().position(|known| known.id == version).unwrap())
    }

    async fn bindings(&self) -> BTreeMap<Slot, (usize, usize)> {
        let found = self.it.service.bindings(&call(), self.zone, BindingFilter::default(), all()).await.unwrap();
        let place = |binding: cedarkeep_model::Binding| {
            let target = (0..2).find(|target| self.target(binding.scope_type, *target) == binding.scope_target_id);
            let set = self.sets.iter().position(|id| *id == binding.policy_set_id).unwrap();
            let version = self.set_versions[set].iter().position(|id| *id == binding.policy_set_version_id).unwrap();
            let mode: BindingMode = binding.mode;
            ((binding.scope_type, target.unwrap(), mode), (set, version))
        };
        found.items.into_iter().map(place).collect()
    }

    /// All that the zone has to tell, ids, times, digests and signatures included: its events, every version of its sets
    /// and the attestations, its keys.
    pub(crate) async fn transcript(&self) -> Vec<String> {
        let (service, zone, call) = (&self.it.service, self.zone, call());
        let mut lines = Vec::new();
        loop {
            let seen = u64::try_from(lines.len()).unwrap();
            let events = service.events(&call, zone, seen, 100).await.unwrap();
            lines.extend(events.iter().map(|event| format!("{event:?}")));
            if events.is_empty() {
                break;
            }
        }
        for (set, versions) in self.sets.iter().zip(&self.set_versions) {
            lines.push(format!("{:?}", service.policy_set(&call, zone, *set).await.unwrap()));
            for id in versions {
                lines.push(format!("{:?}", service.set_version(&call, zone, *set, *id).await.unwrap()));
                lines.push(format!("{:?}", service.attestations(&call, zone, *set, *id).await.unwrap()));
            }
        }
        for policy in &self.policies {
            lines.push(format!("{:?}", service.policy(&call, zone, *policy).await.unwrap()));
        }
        let bindings = service.bindings(&call, zone, BindingFilter::default(), all()).await.unwrap();
        lines.push(format!("{:?}", bindings.items));
        lines.push(format!("{:?}", service.signing_keys(&call, zone).await.unwrap().keys));
        lines
    }

    /// The store is sound.
    pub(crate) async fn check(&self) {
        let pool = CedarPool::new(1).unwrap();
        let report = fsck::check(&*self.it.store, &pool).await.unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
    }
}

fn ids(versions: &[PolicyVersion]) -> Vec<PolicyVersionId> {
    versions.iter().map(|version| version.id).collect()
}

fn version(version: &PolicyVersion) -> Version {
    let text = version.cedar_raw.as_deref();
    let text = TEXTS.iter().position(|known| Some(*known) == text).unwrap();
    Version { text, archived: version.archived.is_some() }
}
