// Shows today's figures as they change, and loads what a page left for later. Without it
// a page is as it was when it was loaded, and has links to the rest.
const root = document.querySelector("script[data-root]").dataset.root;
const fields = new Map([...document.querySelectorAll("[data-live]")].map((e) => [e.dataset.live, e]));
const status = document.querySelector("[data-status]");

const whole = new Intl.NumberFormat("en-US");
const time = new Intl.DateTimeFormat("en-GB", {
  timeStyle: "long", timeZone: fields.get("timestamp")?.dataset.zone || undefined,
});
const forms = {
  execution_rate: (x) => (100 * x).toFixed(1) + "%",
  avg_fires_per_user: (x) => x.toFixed(2),
};

function show(name, text, href) {
  const field = fields.get(name);
  if (!field || field.textContent.trim() === text) return;
  const inside = field.querySelector("a");
  if (href !== undefined && !inside) {
    field.replaceChildren(Object.assign(document.createElement("a"), { href, textContent: text }));
  } else if (inside) {
    inside.textContent = text;
    if (href !== undefined) inside.href = href;
  } else {
    field.textContent = text;
  }
  if (name === "timestamp") return;
  field.classList.remove("fresh");
  void field.offsetWidth; // begins the animation anew
  field.classList.add("fresh");
}

// Loads what the page left for later, one after the other.
for (const part of document.querySelectorAll("[data-later]")) {
  const says = part.querySelector("[role=status]");
  says.textContent = "Counting …";
  try {
    const answer = await fetch(part.dataset.later);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const whole = page.querySelector("[data-part]");
    if (!whole) throw new Error(answer.statusText);
    part.replaceWith(document.adoptNode(whole));
  } catch {
    says.textContent = "It could not be counted: load the page again.";
  }
}

if (fields.size > 0) {
  const stream = new EventSource(root + "v1/live");
  stream.addEventListener("open", () => { status.hidden = false; });
  stream.addEventListener("error", () => { status.hidden = true; });
  stream.addEventListener("today", (event) => {
    const today = JSON.parse(event.data);
    for (const [name, value] of Object.entries(today)) {
      if (typeof value === "number") show(name, (forms[name] ?? ((x) => whole.format(x)))(value));
    }
    const most = today.most_fired_signal;
    if (most.signal_id !== null) {
      show("most", most.signal_id, root + "s/" + encodeURIComponent(most.signal_id));
      show("most_count", whole.format(most.fire_count) + " fires");
    }
    show("timestamp", time.format(new Date(today.timestamp)));
  });
}
