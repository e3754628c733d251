// Trims GitHub's published API descriptions to what this project uses. Run by refresh-github.
//
//   node trim-github.mjs SERVED_SCHEMA NODE_MODULES OUTPUT_FOLDER GRAPHQL_VERSION OPENAPI_VERSION
import fs from 'node:fs';
import { parse, print, visit, Kind } from 'graphql';

const [served, modules, output, graphqlVersion, openapiVersion] = process.argv.slice(2);

// === GraphQL: the types that the simulator serves, each with every field whose types are kept ===

const builtIn = ['Boolean', 'Float', 'ID', 'Int', 'String'];
const innermost = (type) => (type.kind === Kind.NAMED_TYPE ? type.name.value : innermost(type.type));

function trimSchema(text, kept) {
  const known = new Set([...builtIn, ...kept]);
  const isKept = (node) => known.has(innermost(node.type));
  const document = parse(text, { noLocation: true });
  const seen = new Set();
  const definitions = document.definitions.filter((one) => kept.has(one.name?.value));
  const trim = (type) => ({
    ...type,
    description: undefined,
    directives: [],
    interfaces: type.interfaces?.filter((one) => known.has(one.name.value)),
    types: type.types?.filter((one) => known.has(one.name.value)),
    values: type.values?.map((value) => ({ ...value, description: undefined, directives: [] })),
    fields: type.fields?.filter(isKept).filter((field) => {
      // The published schema defines two fields twice.
      const name = `${type.name.value}.${field.name.value}`;
      return !seen.has(name) && seen.add(name);
    }).map((field) => ({
      ...field,
      description: undefined,
      directives: [],
      arguments: field.arguments?.filter(isKept).map((one) => ({ ...one, description: undefined, directives: [] })),
    })),
  });
  return print({ ...document, definitions: definitions.map(trim) });
}

const kept = new Set(parse(fs.readFileSync(served, 'utf8')).definitions.map((one) => one.name.value));
const schema = trimSchema(fs.readFileSync(`${modules}/@octokit/graphql-schema/schema.graphql`, 'utf8'), kept);
const heading = `# GitHub's GraphQL schema, trimmed to the types that this project uses.\n# From @octokit/graphql-schema ${graphqlVersion}; made by refresh-github, not by hand.\n\n`;
fs.writeFileSync(`${output}/github.graphql`, `${heading}${schema}\n`);

// === OpenAPI: the schemas of the answers that the simulator gives ===

const repository = '/repos/{owner}/{repo}';
const answers = [
  ['/rate_limit'], ['/meta'], ['/orgs/{org}'], ['/users/{username}'], ['/orgs/{org}/repos'],
  ['/users/{username}/repos'], ['/orgs/{org}/issues'], [repository], [`${repository}/branches`],
  [`${repository}/commits`], [`${repository}/commits/{ref}`], [`${repository}/compare/{basehead}`],
  [`${repository}/pulls`], [`${repository}/pulls/{pull_number}`], [`${repository}/pulls/{pull_number}/reviews`],
  [`${repository}/issues`], [`${repository}/issues/comments`], [`${repository}/stats/contributors`],
  ['/app'], ['/installation/repositories'],
  ['/app/installations/{installation_id}/access_tokens', 'post', '201'],
];
const description = JSON.parse(fs.readFileSync(`${modules}/@octokit/openapi/generated/api.github.com.json`, 'utf8'));
const prose = new Set(['description', 'example', 'examples', 'externalDocs', 'title', 'deprecated']);

// Without prose. The keys below `properties` are names, whatever they are called.
function bare(node, areNames = false) {
  if (Array.isArray(node)) return node.map((item) => bare(item));
  if (node === null || typeof node !== 'object') return node;
  const entries = Object.entries(node).filter(([key]) => areNames || !(prose.has(key) || key.startsWith('x-')));
  return Object.fromEntries(entries.map(([key, value]) => [key, bare(value, key === 'properties' && !areNames)]));
}

const paths = {};
for (const [path, method = 'get', status = '200'] of answers) {
  const { schema } = description.paths[path][method].responses[status].content['application/json'];
  paths[path] = { [method]: { responses: { [status]: { content: { 'application/json': { schema: bare(schema) } } } } } };
}
const schemas = {};
const references = (node) => JSON.stringify(node).match(/#\/components\/schemas\/[^"]+/g) ?? [];
const todo = references(paths);
while (todo.length > 0) {
  const name = todo.pop().split('/').pop();
  if (name in schemas) continue;
  schemas[name] = bare(description.components.schemas[name]);
  todo.push(...references(schemas[name]));
}
// One line a path and a schema, in order, so that a refresh shows what changed.
const lines = (object) => Object.keys(object).sort().map((key) => `${JSON.stringify(key)}: ${JSON.stringify(object[key])}`).join(',\n');
const source = `@octokit/openapi ${openapiVersion}`;
fs.writeFileSync(
  `${output}/github-openapi.json`,
  `{"openapi": "${description.openapi}", "x-source": "${source}",\n"paths": {\n${lines(paths)}\n},\n"components": {"schemas": {\n${lines(schemas)}\n}}}\n`,
);
