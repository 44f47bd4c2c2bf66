// Loads the page anew every few seconds and puts in what has changed. Without it the page is as complete as it was.
"use strict";

(() => {
  const EVERY_MS = 5000;
  const main = document.querySelector("main");
  const button = document.getElementById("pause");
  if (!main.querySelector("[data-live]")) return;
  let paused = false;

  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Go on refreshing" : "Pause refreshing";
  });

  // Who reads with the keyboard, or has something marked, keeps what he has.
  const isUsed = (part) => {
    const marked = getSelection();
    return part.contains(document.activeElement) || (!marked.isCollapsed && part.contains(marked.anchorNode));
  };

  const refresh = async () => {
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
    if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
      if (other && other.innerHTML !== part.innerHTML && !isUsed(part)) {
        part.replaceChildren(...other.childNodes);
      }
    }
  };

  const turn = async () => {
    if (!paused && !document.hidden) {
      try {
        await refresh();
        document.body.classList.remove("stale");
      } catch {
        document.body.classList.add("stale");
      }
    }
    setTimeout(turn, EVERY_MS);
  };
  setTimeout(turn, EVERY_MS);
})();
