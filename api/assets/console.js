// What pages of the console gain from a script: times in the viewer's zone, codes one click from the clipboard, providers
// that can be dragged. Lists that stay fresh are htmx's work (hx-sse).
"use strict";

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });

/** Writes each moment as the viewer's clock and language have it; the exact one stays in its title. */
function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.title = time.dateTime;
    time.textContent = format.format(new Date(time.dateTime));
  }
}

/** Shows the buttons that only work with a script. */
function offerCopies(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
});

/** Lets the items of an ordered list be dragged; one that is dropped is sent as its buttons would send it. */
function offerDrags(list) {
  let dragged;
  const mark = (target) => {
    for (const item of list.children) item.classList.toggle("target", item === target);
  };
  for (const item of list.children) {
    if (!item.querySelector("form")) continue;
    item.draggable = true;
    item.addEventListener("dragstart", () => (dragged = item));
    item.addEventListener("dragend", () => mark((dragged = undefined)));
  }
  list.addEventListener("dragover", (event) => {
    if (!dragged) return;
    event.preventDefault();
    mark(before(event));
  });
  list.addEventListener("drop", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const form = dragged.querySelector("form");
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: "before", value: before(event)?.dataset.name ?? "" });
    form.append(field);
    form.submit();
  });

  /** Before which item it would be dropped; none for the end. */
  function before(event) {
    const item = event.target.closest("li");
    if (!item) return undefined;
    const { top, height } = item.getBoundingClientRect();
    return event.clientY < top + height / 2 ? item : (item.nextElementSibling ?? undefined);
  }
}

localise(document);
offerCopies(document);
for (const list of document.querySelectorAll("[data-order]")) offerDrags(list);

document.addEventListener("htmx:after:swap", () => {
  localise(document);
  offerCopies(document);
});
// The operator was signed out, or has another role: the page asks again.
document.addEventListener("over", () => {
  location.href = document.querySelector("nav [aria-current]")?.href ?? "/console";
});
