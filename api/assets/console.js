// What pages of the console gain from a script: times in the viewer's zone, and codes one click from the clipboard.
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
  for (const button of root.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    });
  }
}

localise(document);
offerCopies(document);
