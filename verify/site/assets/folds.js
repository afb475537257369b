// What folds hold.  A part of a sheet is taken from there when its fold is first opened; until then, and without this
// script, a link leads to it.  What a reader may want elsewhere has a button that copies it.

const sheets = new Map();

/** A sheet, fetched once however many folds ask for it. */
const sheet = (address) => {
  if (!sheets.has(address)) {
    const fetched = fetch(address).then(async (answer) => {
      if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
      return new DOMParser().parseFromString(await answer.text(), "text/html");
    });
    fetched.catch(() => sheets.delete(address)); // the next fold may try again
    sheets.set(address, fetched);
  }
  return sheets.get(address);
};

/** A part of a sheet as it can stand in this page: addresses resolved, and no ids, which the page may have itself. */
const taken = async (address) => {
  const part = (await sheet(address.href.replace(/#.*/, ""))).querySelector(address.hash);
  const copy = document.importNode(part, true);
  copy.querySelector("h2")?.remove();
  for (const link of copy.querySelectorAll("a[href]")) link.href = new URL(link.getAttribute("href"), address).href;
  for (const each of copy.querySelectorAll("[id]")) each.removeAttribute("id");
  offer(copy);
  return copy.childNodes;
};

/** Bring a line of code to the top of its listing. */
const show = (code, line) => {
  const height = code.scrollHeight / code.textContent.trimEnd().split("\n").length;
  code.scrollTop = Math.max(line - 2, 0) * height;
};

/** A button beside each text to copy, where the browser lets a page do that. */
const offer = (root) => {
  if (!navigator.clipboard) return;
  for (const box of root.querySelectorAll(".verify-copy")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "verify-button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(box.querySelector("pre").textContent.trimEnd());
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = "Copy";
      }, 2000);
    });
    box.append(button);
  }
};

offer(document);

// The theme opens every fold of a page that is printed; none of them is.
const print = matchMedia("print");
let printing = false;
addEventListener("beforeprint", () => {
  printing = true;
});
addEventListener("afterprint", () => {
  printing = false;
});

for (const place of document.querySelectorAll(".verify-part")) {
  const fold = place.closest("details");
  const link = place.querySelector("a");
  fold.addEventListener("toggle", async () => {
    if (!fold.open || printing || print.matches || !place.isConnected || fold.ariaBusy === "true") return;
    fold.ariaBusy = "true";
    try {
      const part = await taken(new URL(link.href));
      place.replaceWith(...part);
      if (place.dataset.line) show(fold.querySelector("pre > code"), Number(place.dataset.line));
    } catch {
      if (place.firstChild === link) place.prepend("It could not be loaded; it stands here: ");
    }
    fold.ariaBusy = null;
  });
}

// On a phone cards far from view are skipped at first (verify.css), so that the page can be used at once.  A while later
// they are laid out too, one whenever the browser is idle.
const waiting = [...document.querySelectorAll(".verify-card")];
const idle = window.requestIdleCallback ?? ((task) => setTimeout(task, 50));
const next = () => {
  waiting.shift()?.classList.add("verify-card--whole");
  if (waiting.length) idle(next);
};
addEventListener("load", () => setTimeout(idle, 4000, next));
