// The admin page. All data comes from the admin API and is inserted as text, never as markup.
"use strict";

const API = "api/admin/";
const PERIOD = 5000;
const TOKEN = "github-stats-admin-token";
const MODES = { healthy: "good", met: "good", running: "good", success: "good", degraded: "warn", unknown: "warn",
  partial: "warn", recovering: "warn", missed: "bad", unhealthy: "bad", failed: "bad", failure: "bad", cooldown: "bad" };

const find = (id) => document.getElementById(id);

// === The API ===

class RequestError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function call(method, path, body) {
  const headers = {};
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.Authorization = `Bearer ${token}`;
  const request = { method, headers, credentials: "omit", cache: "no-store" };
  if (body !== undefined) {
    request.body = JSON.stringify(body);
    headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(API + path, request);
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new RequestError(answer.status, value.error || `the replica answered ${answer.status}`);
  return value;
}

// === Elements ===

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function verdict(word) {
  return element("span", word ?? "–", MODES[word]);
}

function button(text, label, act) {
  const made = element("button", text);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.addEventListener("click", () => perform(made, act));
  return made;
}

// Keeps the focus: a refresh every few seconds must not move keyboard users elsewhere.
function fill(table, titles, rows, nothing) {
  const focused = table.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  const head = element("thead").appendChild(element("tr"));
  for (const title of titles) {
    const cell = element("th", title);
    cell.scope = "col";
    head.append(cell);
  }
  const body = element("tbody");
  for (const row of rows) {
    const tableRow = body.appendChild(element("tr"));
    for (const content of row) {
      const cell = tableRow.appendChild(element("td"));
      for (const part of Array.isArray(content) ? content : [content]) cell.append(part ?? "–");
    }
  }
  if (rows.length === 0) {
    const cell = body.appendChild(element("tr")).appendChild(element("td", nothing));
    cell.colSpan = titles.length;
  }
  table.replaceChildren(head.parentNode, body);
  if (focused !== null) {
    [...table.querySelectorAll("button")].find((made) => made.getAttribute("aria-label") === focused)?.focus();
  }
}

function showMessage(text, bad) {
  const message = find("message");
  message.textContent = text;
  message.className = bad ? "bad" : "";
}

// === Formatting ===

function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0 s";
  const [name, size] = units[first];
  const next = units[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[1]) : 0;
  return `${Math.floor(seconds / size)} ${name}${rest > 0 ? ` ${rest} ${next[0]}` : ""}`;
}

const bytes = (count) => (count === null || count === undefined ? "–" : `${(count / 1048576).toFixed(0)} MiB`);
const percent = (ratio) => (ratio === null || ratio === undefined ? "–" : `${(ratio * 100).toFixed(2)} %`);
const clock = (instant) => (instant ? new Date(instant).toLocaleString() : "–");
const quantity = (value, unit) => (unit === "ratio" ? percent(value) : span(value));

// === Parts of the page ===

function showStatus(status) {
  find("replica").textContent = status.replica;
  find("summary").textContent =
    `${status.mode} ${status.role}, version ${status.version} (${status.revision}), up for ${span(status.uptime_seconds)}`;
  document.title = `${status.mode}: ${status.replica}`;
  const of = (part, text) => [verdict(part?.status), " ", [text, part?.detail].filter(Boolean).join(": ")];
  const oldest = status.queue.oldest_age_seconds;
  const { store, queue, election, github, memory, disk, fleet, actors } = status;
  const rows = [
    ["Ready", [verdict(status.ready ? "yes" : "no"), status.reason ? ` ${status.reason}` : ""]],
    ["Role", [`${status.role}${status.epoch === null ? "" : `, epoch ${status.epoch}`}`]],
    ["Store", of(store, `${store.records} records, ${store.series} series`)],
    ["Queue", of(queue, `${queue.depth} jobs${oldest === null ? "" : `, the oldest ${span(oldest)} old`}; ${queue.dead_letters} dead letters`)],
    ["Election", of(election, "")],
    ["GitHub", of(github, "")],
    ["Memory", [`${bytes(memory.resident_bytes)} of ${memory.limit_bytes === null ? "no limit" : bytes(memory.limit_bytes)}`]],
    ["Disk", [disk ? `${bytes(disk.free_bytes)} of ${bytes(disk.total_bytes)} free` : "–"]],
    ["Replicas", [fleet.replicas.map((peer) => `${peer.replica} (${peer.role})`).join(", ")]],
    ["Actors", [`${actors.up} of ${actors.total} running, ${actors.restarts} restarts`]],
  ];
  find("status").replaceChildren(...rows.flatMap(([name, parts]) => {
    const value = element("dd");
    value.append(...parts);
    return [element("dt", name), value];
  }));
}

function showObjectives(slo) {
  const rows = slo.objectives.map((one) => [
    verdict(one.status), one.org ? `${one.name} (${one.org})` : one.name, one.objective,
    quantity(one.actual, one.unit), one.period, one.explanation,
  ]);
  fill(find("slo"), ["Status", "Objective", "Promised", "Actual", "Period", "Why"], rows, "There is nothing to judge.");
}

function showOrganisations(organisations) {
  const rows = Object.entries(organisations).map(([name, org]) => [
    name,
    org.paused_until ? [verdict(org.state), " (paused)"] : verdict(org.state),
    [verdict(org.last_cycle.result), org.last_cycle.error ? ` ${org.last_cycle.error}` : ""],
    clock(org.last_cycle.at), org.scraping ? "now" : clock(org.next_due), percent(org.coverage_ratio), span(org.freshness_seconds),
  ]);
  const titles = ["Organisation", "State", "Last cycle", "Ended", "Next", "Coverage", "Data age"];
  fill(find("organisations"), titles, rows, "No organisation is configured, or no leader has reported any yet.");
  const select = find("pause-org");
  const known = [...select.options].slice(1).map((option) => option.value);
  const names = Object.keys(organisations);
  if (known.join("\n") !== names.join("\n")) {
    while (select.options.length > 1) select.remove(1);
    names.forEach((name) => select.add(new Option(name, name)));
  }
}

function showMaintenance(pauses) {
  const rows = pauses.map((pause) => {
    const what = pause.org === "*" ? "every organisation" : pause.org;
    const end = async () => {
      const by = find("pause-by").value.trim();
      const query = new URLSearchParams(by ? { org: pause.org, by } : { org: pause.org });
      await call("DELETE", `maintenance?${query}`);
      return `Scraping of ${what} is resumed.`;
    };
    return [what, pause.reason, pause.by, `${clock(pause.until)} (${span(pause.remaining_seconds)} left)`,
      button("End", `End the maintenance of ${what}`, end)];
  });
  fill(find("maintenance"), ["Paused", "Reason", "Requested by", "Until", "Action"], rows, "Nothing is paused.");
}

function showDeadLetters({ total, letters }) {
  find("letters-count").textContent = letters.length < total ? `The oldest ${letters.length} of ${total}.` : "";
  const rows = letters.map((letter) => {
    const reprocess = async () => {
      const { reprocessed } = await call("POST", `dlq/${encodeURIComponent(letter.id)}/reprocess`);
      const job = reprocessed[0]?.job_id;
      return job ? `${letter.id} is enqueued again as job ${job}.` : `${letter.id} was already reprocessed; the job is not repeated.`;
    };
    const resolve = button("Resolve", `Resolve ${letter.id}`, async () => askToResolve(letter.id));
    const actions = letter.job ? [button("Reprocess", `Reprocess ${letter.id}`, reprocess), resolve] : [resolve];
    return [letter.id, clock(letter.died_at * 1000), letter.reason, letter.job ? `${letter.job.org}/${letter.job.repo}` : "–", letter.error, actions];
  });
  fill(find("letters"), ["Id", "Died", "Reason", "Of", "Error", "Actions"], rows, "There are no dead letters.");
}

function showActors(actors) {
  // The API lists actors in the order of their first start; here each follows its supervisor.
  const below = (parent, depth) => actors.filter((actor) => actor.parent === parent)
    .flatMap((actor) => [[actor, Math.min(depth, 3)], ...below(actor.id, depth + 1)]);
  const rows = below(null, 0).map(([actor, depth]) => {
    return [element("span", actor.id, `depth-${depth}`), verdict(actor.state), String(actor.restarts),
      actor.last_exit, String(actor.mailbox_depth), span(actor.uptime_seconds)];
  });
  fill(find("actors"), ["Actor", "State", "Restarts", "Last exit", "Mailbox", "Up for"], rows, "The tree is not started.");
}

// === Acting ===

async function perform(control, act) {
  control.disabled = true;
  try {
    const done = await act();
    if (done) showMessage(done);
    await refresh();
  } catch (error) {
    showError(error);
  } finally {
    control.disabled = false;
  }
}

function askToResolve(id) {
  find("resolve").hidden = false;
  find("resolve-id").textContent = id;
  find("resolve-reason").focus();
}

function closeResolve() {
  find("resolve").hidden = true;
  find("resolve").reset();
}

async function resolve() {
  const id = find("resolve-id").textContent;
  await call("POST", `dlq/${encodeURIComponent(id)}/resolve`, { reason: find("resolve-reason").value });
  closeResolve();
  return `${id} is resolved.`;
}

async function pause() {
  const request = { reason: find("pause-reason").value, for: find("pause-for").value };
  if (find("pause-org").value) request.org = find("pause-org").value;
  if (find("pause-by").value.trim()) request.by = find("pause-by").value;
  const { started } = await call("POST", "maintenance", request);
  find("pause-reason").value = "";
  return `Scraping of ${started.org === "*" ? "every organisation" : started.org} is paused until ${clock(started.until)}.`;
}

function showError(error) {
  if (error instanceof RequestError && error.status === 401) {
    askForToken(sessionStorage.getItem(TOKEN) ? `The token was refused: ${error.message}.` : "This replica requires a token.");
  } else if (error instanceof RequestError) {
    showMessage(error.message, true);
  } else {
    showMessage(`The replica does not answer (${error.message}); the page may be out of date.`, true);
  }
}

function askForToken(reason) {
  sessionStorage.removeItem(TOKEN);
  find("summary").textContent = "";
  find("login-reason").textContent = reason;
  find("content").hidden = true;
  find("forget").hidden = true;
  if (find("login").hidden) {
    find("login").hidden = false;
    find("token").focus();
  }
}

// A replica without a queue answers 503; the rest of the page is shown all the same.
async function deadLetters() {
  try {
    return await call("GET", "dlq?count=50");
  } catch (error) {
    if (error instanceof RequestError && error.status === 503) return { total: 0, letters: [] };
    throw error;
  }
}

async function refresh() {
  const [status, slo, tree, dead] =
    await Promise.all([call("GET", "status"), call("GET", "slo"), call("GET", "actors"), deadLetters()]);
  showStatus(status);
  showObjectives(slo);
  showOrganisations(status.organisations);
  showMaintenance(status.maintenance);
  showDeadLetters(dead);
  showActors(tree.actors);
  find("login").hidden = true;
  find("content").hidden = false;
  find("forget").hidden = sessionStorage.getItem(TOKEN) === null;
  const message = find("message");
  if (message.className === "bad") showMessage("");
}

async function watch() {
  // Nothing to do without a token, or while the tab is hidden.
  if (find("login").hidden && !document.hidden) await refresh().catch(showError);
  setTimeout(watch, PERIOD);
}

function onSubmit(form, act) {
  find(form).addEventListener("submit", (event) => {
    event.preventDefault();
    perform(event.submitter, act);
  });
}

onSubmit("pause", pause);
onSubmit("resolve", resolve);
onSubmit("login", async () => {
  sessionStorage.setItem(TOKEN, find("token").value);
  find("token").value = "";
});
find("resolve-cancel").addEventListener("click", closeResolve);
find("forget").addEventListener("click", () => askForToken("The token is forgotten."));
watch();
