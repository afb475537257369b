// Figures that can be explored: on demand, the drawing gives way to the same figure drawn by Vega in the page.

const engine = document.querySelector("script[data-engine]").dataset.engine;
const HINT =
  "Point at a mark for its numbers, choose a series in the legend, drag to move, scroll or pinch to zoom; " +
  "a double click undoes it.";

let loading;

/** Vega, fetched once, when the first figure asks for it. */
const load = () => {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = engine;
    script.onload = () => resolve(window.vegaEmbed);
    script.onerror = () => {
      loading = undefined;
      script.remove();
      reject(new Error("no engine"));
    };
    document.head.append(script);
  });
  return loading;
};

/** Nothing is fetched from anywhere: a figure has its data with it. */
const refuse = () => Promise.reject(new Error("figures load nothing"));

/** The figure as wide as its drawing is shown, in the font of the page. */
const fit = (specification, width, drawn) => {
  specification.config.font = getComputedStyle(document.body).fontFamily;
  if (specification.spec?.width) specification.spec.width = Math.round((specification.spec.width * width) / drawn);
  else if (typeof specification.width === "number") specification.width = Math.floor(width);
  return specification;
};

const fetched = async (address) => {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.json();
};

const explore = async (region, stage) => {
  const [embed, specification] = await Promise.all([load(), fetched(region.dataset.figure)]);
  const drawing = region.querySelector("img");
  const width = drawing.getBoundingClientRect().width;
  region.append(stage);
  const { finalize } = await embed(stage, fit(specification, width, Number(drawing.getAttribute("width"))), {
    renderer: "svg",
    actions: false,
    defaultStyle: false,
    logLevel: 1, // what Vega thinks of a specification is for its author, when it is drawn
    tooltip: { theme: "verify", disableDefaultStyle: true },
    loader: { load: refuse, sanitize: refuse },
  });
  // To a screen reader it stays the one image that the drawing is.
  stage.querySelector("svg").setAttribute("aria-hidden", "true");
  stage.setAttribute("role", "img");
  stage.setAttribute("aria-label", drawing.alt);
  drawing.hidden = true;
  return () => {
    finalize();
    stage.replaceChildren();
    stage.remove();
    drawing.hidden = false;
  };
};

for (const region of document.querySelectorAll("[data-figure]")) {
  const tools = region.nextElementSibling;
  const button = tools.querySelector("button");
  const said = tools.querySelector("[role=status]");
  const stage = document.createElement("div");
  const name = button.getAttribute("aria-label").replace("Explore: ", "");
  let leave;
  stage.className = "verify-stage";
  tools.hidden = false;

  button.addEventListener("click", async () => {
    if (leave) {
      leave();
      leave = undefined;
      said.textContent = "";
    } else {
      button.disabled = true;
      said.textContent = "Loading…";
      try {
        leave = await explore(region, stage);
        said.textContent = HINT;
      } catch {
        stage.remove();
        said.textContent = "It could not be loaded; the drawing stays.";
      }
      button.disabled = false;
      button.focus({ preventScroll: true });
    }
    button.textContent = leave ? "Back to the drawing" : "Explore";
    button.setAttribute("aria-label", `${button.textContent}: ${name}`);
  });
}
