// The little that a page cannot do by itself. Everything works without it, but for pictures that move.
"use strict";
(() => {
  const follow = (element) => {
    const source = new EventSource(element.dataset.follow);
    // Nothing is taken away under a finger or the keyboard: what came meanwhile is shown when it lets go.
    let waiting = null;
    const show = () => {
      if (waiting === null || element.contains(document.activeElement) || element.matches(":active")) return;
      const fresh = document.createElement("template");
      fresh.innerHTML = waiting;
      waiting = null;
      if (fresh.innerHTML !== element.innerHTML) element.replaceChildren(fresh.content);
    };
    element.addEventListener("focusout", () => setTimeout(show, 300));
    addEventListener("pointerup", () => setTimeout(show, 300));
    source.onmessage = (event) => {
      if (element.dataset.mode === "append") {
        for (const line of event.data.split("\n")) {
          const item = document.createElement("li");
          item.textContent = line;
          element.prepend(item);
        }
        while (element.children.length > 500) element.lastElementChild.remove();
      } else {
        waiting = event.data;
        show();
      }
    };
    // What was followed is over: the page has more to say now.
    source.addEventListener("end", () => { source.close(); location.reload(); });
    addEventListener("pagehide", () => source.close());
  };
  document.querySelectorAll("[data-follow]").forEach(follow);

  // A file is put into the text below it, so that what is sent can be seen first.
  document.querySelectorAll("input[type=file][data-into]").forEach((input) => {
    input.addEventListener("change", async () => {
      const file = input.files[0];
      if (file) document.getElementById(input.dataset.into).value = await file.text();
    });
  });

  // The menu is open where there is room for it.
  const menu = document.querySelector("details.menu");
  const wide = matchMedia("(min-width: 60rem)");
  const fit = () => { if (menu) menu.open = wide.matches; };
  wide.addEventListener("change", fit);
  fit();

  // A button does its act once.
  document.querySelectorAll("form").forEach((form) => {
    form.addEventListener("submit", () => {
      form.querySelectorAll("button[type=submit]").forEach((button) => setTimeout(() => { button.disabled = true; }, 0));
    });
  });
  addEventListener("pageshow", () => {
    document.querySelectorAll("button[type=submit]").forEach((button) => { button.disabled = false; });
  });
})();
