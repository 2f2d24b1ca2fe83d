// Browses openapi.json. Everything becomes text nodes, never markup, and nothing is asked but this server.
"use strict";

const VERBS = ["get", "post", "put", "patch", "delete"];
const byId = (id) => document.getElementById(id);

/** An element with attributes and children; a string child is text. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Text in which `code` stands in backticks. */
function prose(text) {
  const parts = (text ?? "").split("`");
  return parts.map((part, index) => (index % 2 ? make("code", {}, part) : part));
}

class Page {
  constructor(spec) {
    this.spec = spec;
  }

  /** What a reference points at; its own description wins over the one there. */
  resolve(thing) {
    if (!thing?.$ref) return thing ?? {};
    const target = thing.$ref.slice(2).split("/").reduce((at, key) => at[key], this.spec);
    return { ...target, ...(thing.description ? { description: thing.description } : {}) };
  }

  /** All members of an object schema, those of its parts included. */
  members(schema) {
    const { properties = {}, required = [], allOf = [] } = this.resolve(schema);
    const parts = allOf.map((part) => this.members(part));
    return {
      properties: Object.assign({}, ...parts.map((part) => part.properties), properties),
      required: [...parts.flatMap((part) => part.required), ...required],
    };
  }

  /** A schema in one line. */
  kind(schema) {
    if (schema?.oneOf) return schema.oneOf.map((one) => this.kind(one)).join(" or ");
    const name = schema?.$ref?.split("/").pop();
    const at = this.resolve(schema);
    if (at.enum) return at.enum.map((value) => JSON.stringify(value)).join(" | ");
    if (at.type === "array") return `list of ${this.kind(at.items)}`;
    if (name && (at.properties || at.allOf)) return name;
    const type = [at.type ?? "any"].flat().join(" or ");
    return at.format && at.format !== "int64" ? `${type} (${at.format})` : type;
  }

  /** The members of an object schema as rows, objects within it indented below. */
  rows(schema, depth = 0, seen = []) {
    const { properties, required } = this.members(schema);
    return Object.entries(properties).flatMap(([name, member]) => {
      const inner = member.oneOf?.find((one) => one.type !== "null") ?? member;
      const about = member.description ?? inner.description ?? this.resolve(inner).description;
      const below = this.resolve(inner).type === "array" ? this.resolve(inner).items : inner;
      const known = below?.$ref && seen.includes(below.$ref);
      const label = `${"· ".repeat(depth)}${name}`;
      return [
        this.row(label, required.includes(name), this.kind(member), about),
        ...(known || depth > 3 ? [] : this.rows(below, depth + 1, [...seen, below?.$ref])),
      ];
    });
  }

  row(name, must, kind, about) {
    const label = make("td", {}, make("code", {}, name), must ? make("span", { class: "must", title: "required" }, " *") : null);
    return make("tr", {}, label, make("td", {}, make("span", { class: "kind" }, kind)), make("td", {}, ...prose(about)));
  }

  table(title, rows) {
    if (!rows.length) return null;
    return make("div", {}, make("h3", {}, title), make("div", { class: "scroll" }, make("table", {}, make("tbody", {}, ...rows))));
  }

  body({ requestBody }) {
    if (!requestBody) return null;
    const schema = Object.values(requestBody.content)[0].schema;
    const title = requestBody.required === false ? "Body (may be left out)" : "Body";
    return this.table(title, this.rows(schema));
  }

  answers({ responses }) {
    const refused = [];
    const parts = Object.entries(responses).flatMap(([status, response]) => {
      if (response.$ref) return refused.push(status), [];
      const [type, content] = Object.entries(response.content ?? {})[0] ?? [];
      const note = type && type !== "application/json" ? ` (${type})` : "";
      const rows = content ? this.rows(content.schema) : [];
      const title = `${status}: ${response.description}${note}`;
      return [this.table(title, rows) ?? make("h3", {}, title)];
    });
    const shape = `Refused with ${refused.join(", ")} in the one error shape.`;
    return [...parts, make("p", { class: "kind" }, shape)];
  }

  curl(verb, path, operation) {
    const schema = operation.requestBody && Object.values(operation.requestBody.content)[0].schema;
    const example = this.resolve(schema).example;
    const lines = [`curl${verb === "get" ? "" : ` -X ${verb.toUpperCase()}`} ${location.origin}${path}`];
    if (!operation.security) lines.push('-H "Authorization: Bearer $CEDARKEEP_TOKEN"');
    if (example) lines.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(example).replaceAll("'", "'\\''")}'`);
    return make("div", {}, make("h3", {}, "Try it"), make("pre", { tabindex: "0" }, lines.join(" \\\n  ")));
  }

  operation(verb, path, operation) {
    const parameters = (operation.parameters ?? []).map((one) => this.resolve(one));
    const of = (place) =>
      parameters
        .filter((one) => one.in === place)
        .map((one) => this.row(one.name, one.required, one.deprecated ? "deprecated" : this.kind(one.schema), one.description));
    const head = make(
      "summary",
      {},
      make("span", { class: `verb ${verb}` }, verb.toUpperCase()),
      make("span", { class: "path" }, path),
      make("span", { class: "said" }, operation.summary ?? ""),
    );
    const inside = make(
      "div",
      {},
      make("p", {}, ...prose(operation.description)),
      this.table("Path", of("path")),
      this.table("Query", of("query")),
      this.table("Headers", of("header")),
      this.body(operation),
      ...this.answers(operation),
      this.curl(verb, path, operation),
    );
    return make("details", { id: operation.operationId }, head, inside);
  }

  /** The operations of every tag, each with what a search looks in. */
  groups() {
    const all = Object.entries(this.spec.paths).flatMap(([path, item]) =>
      VERBS.filter((verb) => item[verb]).map((verb) => ({ verb, path, operation: item[verb] })),
    );
    return this.spec.tags.map((tag) => ({ tag, operations: all.filter(({ operation }) => operation.tags?.includes(tag.name)) }));
  }

  show() {
    byId("version").textContent = this.spec.info.version;
    const [intro, ...more] = this.spec.info.description.split("\n\n");
    const sections = this.groups().map(({ tag, operations }) => {
      const shown = operations.map(({ verb, path, operation }) => this.operation(verb, path, operation));
      return make("section", {}, make("h2", {}, tag.name), make("p", {}, tag.description), ...shown);
    });
    byId("state").remove();
    byId("operations").append(make("p", {}, intro), ...more.map((text) => make("p", {}, text)), ...sections);
    byId("contents").append(
      ...this.groups().flatMap(({ tag, operations }) => {
        const links = operations.map(({ operation }) =>
          make("li", {}, make("a", { href: `#${operation.operationId}` }, operation.summary)),
        );
        return [make("div", {}, make("h2", {}, tag.name), make("ul", {}, ...links))];
      }),
    );
  }
}

function search() {
  const wanted = byId("search").value.toLowerCase().split(/\s+/);
  const fits = (element) => wanted.every((word) => element.textContent.toLowerCase().includes(word));
  const narrow = (groups, items) => {
    for (const group of groups) {
      for (const item of group.querySelectorAll(items)) item.hidden = !fits(item.querySelector("summary") ?? item);
      group.hidden = ![...group.querySelectorAll(items)].some((item) => !item.hidden);
    }
  };
  narrow(document.querySelectorAll("main > section"), "details");
  narrow(document.querySelectorAll("nav > div"), "li");
}

/** Opens the operation that the address names. */
function open() {
  const target = byId(location.hash.slice(1));
  if (target?.tagName !== "DETAILS") return;
  target.open = true;
  target.scrollIntoView();
  target.querySelector("summary").focus({ preventScroll: true });
}

async function start() {
  try {
    new Page(await (await fetch("openapi.json")).json()).show();
  } catch (error) {
    byId("state").textContent = `openapi.json could not be shown: ${error.message}`;
    return;
  }
  byId("search").addEventListener("input", search);
  addEventListener("hashchange", open);
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input")) return;
    event.preventDefault();
    byId("search").focus();
  });
  open();
}

start();
