//! Lists: filters, and keyset windows over them. Page 1 and page 100,000 cost the same.

use cedarkeep_model::{
    BindingMode, OrganizationId, OwnerType, PolicyId, PolicySetId, PolicySetVersionId, ScopeType, Timestamp, ZoneId,
};

/// The direction of a list by creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    #[default]
    Desc,
}

/// Which way a window opens from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// What follows the start in the list's order.
    #[default]
    Forward,
    /// What precedes the start in the list's order.
    Backward,
}

/// Where an item stands in a list: the values that the list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// The group (1 for active sets under `sort=status`), else 0.
    pub rank: i64,
    /// Creation in unix microseconds, the event number, or 0 where the id alone orders.
    pub at: i64,
    /// The id.
    pub id: String,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The list's order.
    pub order: Order,
    /// The item next to which the window opens, itself not in it; none for the list's beginning.
    pub start: Option<Position>,
    /// Which way it opens.
    pub direction: Direction,
    /// The most items.
    pub limit: u32,
}

/// What a window shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// The items with their positions, in the list's order whichever way the window opened.
    pub items: Vec<(Position, T)>,
    /// Whether there is more in the window's direction.
    pub more: bool,
}

/// Whether archived objects are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum ArchivedFilter {
    /// Only the living.
    #[default]
    Living,
    /// Only the archived.
    Only,
    /// Both.
    Any,
}

/// Which zones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct ZoneFilter {
    /// Only the zone of this slug.
    pub slug: Option<String>,
    /// Only zones of this organization.
    pub organization_id: Option<String>,
    /// Only zones of these organizations, and these zones; all when absent.
    pub within: Option<(Vec<OrganizationId>, Vec<ZoneId>)>,
}

/// Which policies. Values within a member are alternatives, members narrow one another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct PolicyFilter {
    /// Only these; ids that the zone does not have are left out silently.
    pub ids: Option<Vec<PolicyId>>,
    /// Only of these owners; all when empty.
    pub owner_types: Vec<OwnerType>,
    /// Case-insensitive substrings of name or description.
    pub query: Vec<String>,
    /// Case-insensitive substrings of the name.
    pub query_name: Vec<String>,
    /// Case-insensitive substrings of the description.
    pub query_description: Vec<String>,
    /// Whether archived ones are listed.
    pub archived: ArchivedFilter,
}

/// Which policy sets. Values within a member are alternatives, members narrow one another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct PolicySetFilter {
    /// Only of these owners; all when empty.
    pub owner_types: Vec<OwnerType>,
    /// Only of these scopes; all when empty.
    pub scope_types: Vec<ScopeType>,
    /// Only sets with (or without) an active binding.
    pub active: Option<bool>,
    /// Case-insensitive substrings of the name.
    pub query: Vec<String>,
    /// The same, by its other parameter name.
    pub query_name: Vec<String>,
    /// Whether archived ones are listed.
    pub archived: ArchivedFilter,
    /// Active sets first, then by creation; the list is then descending and opens forward only.
    pub by_status: bool,
}

/// Which bindings. Values within a member are alternatives, members narrow one another; all when empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct BindingFilter {
    /// Only of versions of these sets.
    pub policy_set_ids: Vec<PolicySetId>,
    /// Only of these modes.
    pub modes: Vec<BindingMode>,
    /// Only of these scopes.
    pub scope_types: Vec<ScopeType>,
    /// Only of these targets.
    pub scope_target_ids: Vec<String>,
}

/// Which logged decisions. Members narrow one another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct DecisionFilter {
    /// Only those that allowed, or only the others.
    pub allowed: Option<bool>,
    /// Only of this principal.
    pub principal: Option<String>,
    /// Only of this action.
    pub action: Option<String>,
    /// Only of this resource.
    pub resource: Option<String>,
    /// Only those that this version had a part in; as a shadow it had none.
    pub policy_set_version_id: Option<PolicySetVersionId>,
    /// Only from this moment on.
    pub from: Option<Timestamp>,
    /// Only from before this moment.
    pub to: Option<Timestamp>,
}
