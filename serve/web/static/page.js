// What the pages do without being loaded again. Each works without this file, too.
"use strict";

const WAIT = 250;
let newest = 0;

// The state of a form as an address: what is empty or as always is left out.
function addressOf(form) {
  const usual = { preset: "stored", order: "learned", seen: "mark" };
  const said = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value !== "" && usual[name] !== value) said.append(name, value);
  }
  if (said.get("preset") !== "own") {
    form.querySelectorAll("input[type=range]").forEach((slider) => said.delete(slider.name));
  }
  const query = said.toString();
  return form.getAttribute("action") + (query ? "?" + query : "");
}

// Put the live parts of an answer in place of those shown; tell it to who cannot see.
function show(text, whole) {
  const page = new DOMParser().parseFromString(text, "text/html");
  if (whole) {
    document.querySelector("main").replaceWith(page.querySelector("main"));
  } else {
    for (const part of page.querySelectorAll("[data-live]")) {
      const shown = document.getElementById(part.id);
      if (shown) shown.replaceWith(part);
    }
  }
  document.title = page.title;
  const nav = page.querySelector("nav");
  if (nav) document.querySelector("nav").replaceWith(nav);
  const said = page.querySelector("[data-said]");
  document.getElementById("said").textContent = said ? said.textContent.trim() : "";
}

// Fetch a page and show it; what a newer one overtakes is dropped.
async function load(address, { whole = false, remember = null, ...options } = {}) {
  const mine = ++newest;
  const results = document.getElementById("results");
  if (results) results.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { credentials: "same-origin", ...options });
    const text = await answer.text();
    if (mine !== newest) return;
    if (answer.status === 401) return location.reload();
    if (remember) history[remember](null, "", address);
    show(text, whole);
  } catch {
    document.getElementById("said").textContent = "The server does not answer. Try again.";
  } finally {
    document.getElementById("results")?.removeAttribute("aria-busy");
  }
}

let timer;
function later(work) {
  clearTimeout(timer);
  timer = setTimeout(work, WAIT);
}

async function suggest(field) {
  const list = document.getElementById("titles");
  if (!list || field.value.length < 2) return;
  const user = document.getElementById("user_id");
  const asked = new URLSearchParams({ q: field.value });
  if (user && user.value) asked.set("user_id", user.value);
  const answer = await fetch("/suggest?" + asked, { credentials: "same-origin" });
  if (!answer.ok) return;
  const options = (await answer.json()).map((title) => {
    const option = document.createElement("option");
    option.value = title;
    return option;
  });
  list.replaceChildren(...options);
}

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.getAttribute("list") === "titles") suggest(field).catch(() => {});
  const form = field.form;
  if (field.type === "range") {
    field.nextElementSibling.textContent = Number(field.value).toFixed(2);
    form.querySelector("[name=preset][value=own]").checked = true;
  }
  if (form && "liveForm" in form.dataset) {
    later(() => form.checkValidity() && load(addressOf(form), { remember: "replaceState" }));
  }
});

document.addEventListener("change", (event) => {
  const { form, name, value } = event.target;
  if (name !== "preset" || value === "own" || !form) return;
  // Where a preset was chosen, the sliders show it as soon as the server has said it.
  clearTimeout(timer);
  load(addressOf(form), { remember: "pushState", whole: true });
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if ("here" in form.dataset) {
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const to = event.submitter?.getAttribute("formaction") || form.getAttribute("action");
    load(to, { method: "POST", body });
  } else if (form.method === "get") {
    event.preventDefault();
    clearTimeout(timer);
    load(addressOf(form), { remember: "pushState", whole: form.getAttribute("action") !== "/" });
  }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.more, .chips a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  load(link.getAttribute("href"), { remember: "pushState" });
});

// A poster that does not come leaves the drawn one; some were refused before this script came.
document.addEventListener("error", (event) => {
  if (event.target.matches?.(".poster img")) event.target.remove();
}, true);
for (const image of document.querySelectorAll(".poster img"))
  if (image.complete && !image.naturalWidth) image.remove();

window.addEventListener("popstate", () => load(location.pathname + location.search, { whole: true }));
