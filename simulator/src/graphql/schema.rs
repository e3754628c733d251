//! The served schema.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql_parser::types::{
    BaseType, EnumType, FieldDefinition, InputObjectType, Type, TypeDefinition, TypeKind,
    TypeSystemDefinition,
};

/// The schema that the simulator serves, in the GraphQL schema definition language.
pub(crate) const SERVED_SCHEMA: &str = include_str!("served.graphql");

/// [`SERVED_SCHEMA`], read once.
pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::read(SERVED_SCHEMA));

/// Types by name.
#[derive(Debug)]
pub(crate) struct Schema {
    types: HashMap<String, TypeDefinition>,
}

impl Schema {
    fn read(text: &str) -> Self {
        let document = async_graphql_parser::parse_schema(text).expect("a schema that parses");
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(one) => Some((one.node.name.node.to_string(), one.node)),
            _ => None,
        });
        Self { types: types.collect() }
    }

    /// Whether the schema has a type of this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.types.contains_key(name)
    }

    /// A field of an object or interface.
    pub(crate) fn field(&self, owner: &str, name: &str) -> Option<&FieldDefinition> {
        let fields = match &self.types.get(owner)?.kind {
            TypeKind::Object(object) => &object.fields,
            TypeKind::Interface(interface) => &interface.fields,
            _ => return None,
        };
        fields.iter().map(|field| &field.node).find(|field| field.name.node == name)
    }

    /// Whether fields of this type are values rather than objects.
    pub(crate) fn is_leaf(&self, name: &str) -> bool {
        let kind = self.types.get(name).map(|one| &one.kind);
        !matches!(kind, Some(TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_)))
    }

    /// The values of an enumeration.
    pub(crate) fn values(&self, name: &str) -> Option<&EnumType> {
        match &self.types.get(name)?.kind {
            TypeKind::Enum(values) => Some(values),
            _ => None,
        }
    }

    /// The fields of an input object.
    pub(crate) fn input(&self, name: &str) -> Option<&InputObjectType> {
        match &self.types.get(name)?.kind {
            TypeKind::InputObject(input) => Some(input),
            _ => None,
        }
    }

    /// Whether an object of type `object` counts as a `condition`.
    pub(crate) fn is_a(&self, object: &str, condition: &str) -> bool {
        let listed = |names: &[async_graphql_parser::Positioned<async_graphql_value::Name>], wanted: &str| {
            names.iter().any(|name| name.node == wanted)
        };
        let implements = match self.types.get(object).map(|one| &one.kind) {
            Some(TypeKind::Object(one)) => listed(&one.implements, condition),
            _ => false,
        };
        let member = match self.types.get(condition).map(|one| &one.kind) {
            Some(TypeKind::Union(union)) => listed(&union.members, object),
            _ => false,
        };
        object == condition || implements || member
    }

    /// Whether an object can be of both types; otherwise a fragment could never apply.
    pub(crate) fn overlap(&self, a: &str, b: &str) -> bool {
        let object = |name: &&String| matches!(self.types[*name].kind, TypeKind::Object(_));
        self.types.keys().filter(object).any(|name| self.is_a(name, a) && self.is_a(name, b))
    }
}

/// The named type inside all lists.
pub(crate) fn innermost(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => innermost(inner),
    }
}
