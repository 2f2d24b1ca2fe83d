//! What a schema asks of contexts and entities, in the form in which [`typed`](crate::typed) checks them: compiled once
//! for every schema, looked up by hash.
//!
//! What is rare in schemas has no shape ([`Shape::Other`], or a type that is left out): nothing fits it here, and the
//! caller asks Cedar.

use std::{collections::HashMap as ByAddress, sync::Arc};

use cedar_policy_core::{
    ast::{Eid, EntityType, EntityUID},
    validator::{
        ValidatorActionId, ValidatorEntityType, ValidatorEntityTypeKind, ValidatorSchema,
        types::{Attributes, BoolType, EntityKind, OpenTag, Type},
    },
};
use hashbrown::{HashMap, HashSet};
use smol_str::{SmolStr, ToSmolStr};

use crate::{
    constructor::Constructor,
    entity::{Key, Prehashed, Probe},
};

/// All shapes of a schema.
#[derive(Debug)]
pub(crate) struct Shapes {
    actions: HashMap<Key, ActionShape, Prehashed>,
    types: HashMap<SmolStr, TypeShape>,
}

/// What a request with a certain action must be.
#[derive(Debug)]
pub(crate) struct ActionShape {
    principals: HashMap<EntityType, Arc<Kind>>,
    resources: HashMap<EntityType, Arc<Kind>>,
    /// The context.
    pub(crate) context: Shape,
}

/// What an entity of a certain type must be.
#[derive(Debug)]
pub(crate) struct TypeShape {
    pub(crate) kind: Arc<Kind>,
    pub(crate) attrs: Fields,
    /// What every tag must be; without it there may be none.
    pub(crate) tags: Option<Shape>,
    /// The types that its parents may have, by name.
    pub(crate) parents: HashMap<SmolStr, Arc<Kind>>,
}

/// An entity type, as far as references to its entities go.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: SmolStr,
    entity_type: EntityType,
    /// The ids of an enumerated type; there are no others.
    ids: Option<HashSet<SmolStr>>,
}

/// What a value must be. A clone is cheap and shares it.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Bool,
    Long,
    String,
    Entity(Arc<Kind>),
    Set(Arc<Shape>),
    Record(Arc<Fields>),
    Extension(Constructor),
    /// Nothing fits it here.
    Other,
}

/// The members of a record, or the attributes of an entity: these and no others.
#[derive(Debug)]
pub(crate) struct Fields {
    /// By name, ascending.
    members: Box<[(SmolStr, Field)]>,
    /// How many of them must be there.
    pub(crate) required: usize,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) shape: Shape,
    pub(crate) required: bool,
}

impl Shapes {
    pub(crate) fn of(schema: &ValidatorSchema) -> Self {
        let mut compiler = Compiler { kinds: kinds(schema), shared: ByAddress::new() };
        let types = schema.entity_types().filter_map(|declared| compiler.type_shape(schema, declared));
        let types = types.map(|shape| (shape.kind.name.clone(), shape)).collect();
        let actions = schema.action_ids().filter_map(|declared| compiler.action_shape(declared)).collect();
        Self { actions, types }
    }

    pub(crate) fn action(&self, action: Probe<'_>) -> Option<&ActionShape> {
        self.actions.get(&action)
    }

    pub(crate) fn entity_type(&self, name: &str) -> Option<&TypeShape> {
        self.types.get(name)
    }
}

impl ActionShape {
    /// Whether entities of such types may stand in a request with this action, whatever their ids.
    pub(crate) fn applies_to(&self, principal: &EntityUID, resource: &EntityUID) -> bool {
        self.principals.contains_key(principal.entity_type()) && self.resources.contains_key(resource.entity_type())
    }

    /// Whether Cedar's validation takes a request with this action for these two; the context is another matter.
    pub(crate) fn applies(&self, principal: &EntityUID, resource: &EntityUID) -> bool {
        let fits = |kinds: &HashMap<EntityType, Arc<Kind>>, uid: &EntityUID| {
            kinds.get(uid.entity_type()).is_some_and(|kind| kind.has(uid.eid().as_ref()))
        };
        fits(&self.principals, principal) && fits(&self.resources, resource)
    }
}

impl Kind {
    /// `None` for an external type, which nothing fits, and for actions, which come from the schema alone.
    fn of(declared: &ValidatorEntityType) -> Option<Self> {
        let ids = match &declared.kind {
            ValidatorEntityTypeKind::Standard(_) => None,
            ValidatorEntityTypeKind::Enum(ids) => {
                Some(ids.iter().map(|id| SmolStr::new(AsRef::<str>::as_ref(id))).collect())
            }
            ValidatorEntityTypeKind::External => return None,
        };
        // Without the place in the schema's text every clone is cheaper.
        let entity_type = declared.name().with_loc(None);
        let name = entity_type.to_smolstr();
        // References spell it as Cedar would print it, and Cedar must be able to read that.
        let readable = EntityType::from_normalized_str(&name).is_ok_and(|read| read == entity_type);
        (readable && !entity_type.is_action()).then_some(Self { name, entity_type, ids })
    }

    fn has(&self, id: &str) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(id))
    }

    /// The entity of this type with that id, if there can be one.
    pub(crate) fn uid(&self, id: &str) -> Option<EntityUID> {
        self.has(id).then(|| EntityUID::from_components(self.entity_type.clone(), Eid::new(id), None))
    }
}

impl Fields {
    pub(crate) fn get(&self, name: &str) -> Option<(&SmolStr, &Field)> {
        // Few members: a look at each beats a search.
        let found = if self.members.len() <= 8 {
            self.members.iter().find(|(own, _)| own == name)?
        } else {
            self.members.get(self.members.binary_search_by(|(own, _)| own.as_str().cmp(name)).ok()?)?
        };
        Some((&found.0, &found.1))
    }
}

fn kinds(schema: &ValidatorSchema) -> HashMap<EntityType, Arc<Kind>> {
    let declared = schema.entity_types().filter_map(Kind::of);
    declared.map(|kind| (kind.entity_type.clone(), Arc::new(kind))).collect()
}

struct Compiler {
    kinds: HashMap<EntityType, Arc<Kind>>,
    /// Cedar writes common types out, but shares their parts: so do shapes, or a small schema could come to much. The
    /// addresses are those of a schema that outlives the compiler.
    shared: ByAddress<*const Type, Shape>,
}

impl Compiler {
    fn type_shape(&mut self, schema: &ValidatorSchema, declared: &ValidatorEntityType) -> Option<TypeShape> {
        let kind = Arc::clone(self.kinds.get(declared.name())?);
        if declared.open_attributes() == OpenTag::OpenAttributes {
            return None;
        }
        // Cedar has closed the hierarchy over all ancestors.
        let parents = schema.entity_types().filter(|parent| parent.has_descendant_entity_type(declared.name()));
        let parents = parents.filter_map(|parent| self.kinds.get(parent.name()));
        let parents = parents.map(|parent| (parent.name.clone(), Arc::clone(parent))).collect();
        let attrs = self.fields(declared.attributes());
        let tags = declared.tag_type().map(|tags| self.shape(tags));
        Some(TypeShape { kind, attrs, tags, parents })
    }

    fn action_shape(&mut self, declared: &ValidatorActionId) -> Option<(Key, ActionShape)> {
        let context = self.shape(declared.context_type()?);
        let kinds = |types: &mut dyn Iterator<Item = &EntityType>| {
            types.filter_map(|of| self.kinds.get(of)).map(|kind| (kind.entity_type.clone(), Arc::clone(kind))).collect()
        };
        let (principals, resources) = (kinds(&mut declared.principals()), kinds(&mut declared.resources()));
        Some((Key::new(declared.name().clone()), ActionShape { principals, resources, context }))
    }

    /// Recursive; schemas nest at most 60 levels, see [`guard_schema`](crate::guard_schema).
    fn shape(&mut self, declared: &Type) -> Shape {
        match declared {
            Type::Bool(BoolType::AnyBool) => Shape::Bool,
            Type::Long => Shape::Long,
            Type::String => Shape::String,
            Type::Entity(EntityKind::Entity(types)) => {
                let kind = types.get_single_entity().and_then(|single| self.kinds.get(single));
                kind.map_or(Shape::Other, |kind| Shape::Entity(Arc::clone(kind)))
            }
            Type::Set { element_type: Some(element) } => Shape::Set(Arc::new(self.part(element))),
            Type::Record { attrs, open_attributes: OpenTag::ClosedAttributes } => {
                Shape::Record(Arc::new(self.fields(attrs)))
            }
            Type::ExtensionType { name } => Constructor::of_type(name).map_or(Shape::Other, Shape::Extension),
            _ => Shape::Other,
        }
    }

    fn part(&mut self, part: &Arc<Type>) -> Shape {
        if let Some(shape) = self.shared.get(&Arc::as_ptr(part)) {
            return shape.clone();
        }
        let shape = self.shape(part);
        self.shared.insert(Arc::as_ptr(part), shape.clone());
        shape
    }

    fn fields(&mut self, declared: &Attributes) -> Fields {
        // Cedar keeps them in a BTreeMap: ascending already.
        let members: Box<[_]> = declared
            .iter()
            .map(|(name, attr)| {
                (name.clone(), Field { shape: self.field(name, &attr.attr_type), required: attr.is_required() })
            })
            .collect();
        let required = members.iter().filter(|(_, field)| field.required).count();
        Fields { members, required }
    }

    fn field(&mut self, name: &str, declared: &Arc<Type>) -> Shape {
        // In JSON such a member could be an escape.
        if name.starts_with("__") { Shape::Other } else { self.part(declared) }
    }
}
