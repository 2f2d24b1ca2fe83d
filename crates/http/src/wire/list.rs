//! Lists and their cursors.

use cedarkeep_service::Page;
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::Failure;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The objects, in the order asked for.
    pub(crate) items: Vec<T>,
    /// Where the next and the previous page are.
    pub(crate) pagination: Pagination,
}

/// Where the next and the previous page are.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct Pagination {
    /// Give it as `after` to get the next page; null on the last.
    #[schema(required)]
    pub(crate) after_cursor: Option<String>,
    /// Give it as `before` to get the previous page; null on the first.
    #[schema(required)]
    pub(crate) before_cursor: Option<String>,
    /// How many objects the list has in all; only with `expand[]=total_count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total_count: Option<u64>,
}

/// The same in the older form, which lists of zones carry too.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageInfo {
    has_next_page: bool,
    has_previous_page: bool,
    /// The same under the name that lists of service accounts have it by.
    has_prev_page: bool,
    #[schema(required)]
    start_cursor: Option<String>,
    #[schema(required)]
    end_cursor: Option<String>,
}

/// A page that carries its cursors in both forms.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Paged<T> {
    /// The objects, in the order asked for.
    pub(crate) items: Vec<T>,
    /// Where the next and the previous page are.
    pub(crate) pagination: Pagination,
    /// The same in the older form.
    pub(crate) page_info: PageInfo,
    /// What the caller may do, by kind of object; only with `expand[]=permissions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    pub(crate) permissions: Option<crate::wire::Permissions>,
}

impl<T> Paged<T> {
    /// Brings each object of a page into its wire form.
    pub(crate) fn new<M>(
        page: Page<M>,
        permissions: Option<crate::wire::Permissions>,
        wire: impl Fn(M) -> T,
    ) -> Result<Self, Failure> {
        let page_info = PageInfo::of(&page);
        let List { items, pagination } = List::new(page, |item| Ok(wire(item)))?;
        Ok(Self { items, pagination, page_info, permissions })
    }
}

impl<T> List<T> {
    /// Brings each object of a page into its wire form.
    pub(crate) fn new<M>(page: Page<M>, wire: impl Fn(M) -> Result<T, Failure>) -> Result<Self, Failure> {
        let Page { items, after_cursor, before_cursor, total_count, .. } = page;
        let items = items.into_iter().map(wire).collect::<Result<_, _>>()?;
        Ok(Self { items, pagination: Pagination { after_cursor, before_cursor, total_count } })
    }

    /// A list that has no further pages.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, pagination: Pagination::default() }
    }
}

impl Pagination {
    /// The cursors of a page.
    pub(crate) fn of<T>(page: &Page<T>) -> Self {
        let Page { after_cursor, before_cursor, total_count, .. } = page;
        Self { after_cursor: after_cursor.clone(), before_cursor: before_cursor.clone(), total_count: *total_count }
    }
}

impl PageInfo {
    /// The cursors of a page; start and end are those of its first and last object, whether or not more follows.
    pub(crate) fn of<T>(page: &Page<T>) -> Self {
        Self {
            has_next_page: page.after_cursor.is_some(),
            has_previous_page: page.before_cursor.is_some(),
            has_prev_page: page.before_cursor.is_some(),
            start_cursor: page.start_cursor.clone(),
            end_cursor: page.end_cursor.clone(),
        }
    }
}
