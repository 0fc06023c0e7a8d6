// The pages work without this. It refreshes what is marked live, adds keys, and makes ids easy to copy.
"use strict";
(() => {
  const body = document.body;
  if (!body.hasAttribute("data-person")) return;

  // --- Live parts: the hub says what changed, the page is fetched anew and its live parts are exchanged.
  const note = document.querySelector("p.live");
  const say = (text, seconds) => {
    note.textContent = text;
    note.hidden = false;
    clearTimeout(say.timer);
    if (seconds) say.timer = setTimeout(() => { note.hidden = true; }, seconds * 1000);
  };
  const busy = (part) => part.contains(document.activeElement) &&
    /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName) || part.querySelector("details[open] form") !== null;
  let waiting = false;
  const refresh = async () => {
    const parts = [...document.querySelectorAll("[data-live]")].filter((part) => part.id);
    if (parts.length === 0) return;
    const answer = await fetch(location.href, { headers: { accept: "text/html", "x-gatewatch-live": "1" }, redirect: "manual" });
    if (!answer.ok) { say("Your session has ended. Load the page anew to log in.", 0); return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    let left = false;
    for (const part of parts) {
      const fresh = page.getElementById(part.id);
      if (!fresh || fresh.innerHTML === part.innerHTML) continue;
      if (busy(part)) { left = true; continue; }
      part.replaceWith(document.adoptNode(fresh));
    }
    for (const badge of ["nav.wide", ".menu nav"]) {
      const old = document.querySelector(badge), fresh = page.querySelector(badge);
      if (old && fresh && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(fresh));
    }
    say(left ? "Something changed. What you are editing was left as it is." : "Brought up to date.", 4);
  };
  const changed = (topics) => {
    const wanted = [...document.querySelectorAll("[data-live]")].some((part) =>
      part.dataset.live.split(" ").some((topic) => topics.includes(topic)));
    if (!wanted || waiting) return;
    waiting = true;
    // Many changes at once are one refresh.
    setTimeout(() => { waiting = false; refresh().catch(() => {}); }, 700);
  };
  if (document.querySelector("[data-live]") && "EventSource" in window) {
    const events = new EventSource("/events");
    events.addEventListener("change", (event) => changed(event.data.split(" ")));
    events.addEventListener("end", () => events.close());
    addEventListener("pagehide", () => events.close());
  }

  // --- Keys
  const help = document.querySelector("dialog.help");
  for (const button of document.querySelectorAll("[data-help]")) {
    button.hidden = false;
    button.addEventListener("click", () => help.showModal());
  }
  const places = { i: "/incidents", a: "/approvals", o: "/orders", h: "/", d: "/detectors", e: "/evidence" };
  let going = false;
  const rows = () => [...document.querySelectorAll("main tbody tr, main ul.rows > li")].filter((row) => row.offsetParent);
  const step = (by) => {
    const all = rows();
    if (all.length === 0) return;
    const now = all.findIndex((row) => row.classList.contains("at"));
    const next = all[Math.min(all.length - 1, Math.max(0, now < 0 ? 0 : now + by))];
    all.forEach((row) => row.classList.remove("at"));
    next.classList.add("at");
    next.scrollIntoView({ block: "nearest" });
    const link = next.querySelector("a[href]");
    if (link) link.focus({ preventScroll: true });
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable || help.open) return;
    if (going) {
      going = false;
      if (places[event.key]) location.assign(places[event.key]);
      return;
    }
    switch (event.key) {
    case "/": {
      const search = document.querySelector("main input[type=search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
      break;
    }
    case "j": step(1); break;
    case "k": step(-1); break;
    case "g": going = true; setTimeout(() => { going = false; }, 1500); break;
    case "?": help.showModal(); break;
    }
  });

  // --- Replay: the steps appear as they happened, faster.
  const player = document.querySelector("[data-player]");
  if (player) {
    player.hidden = false;
    const steps = [...document.querySelectorAll(".steps > li")];
    const clock = player.querySelector("[data-clock]");
    let timer = 0;
    const all = () => { clearInterval(timer); steps.forEach((step) => { step.hidden = false; }); clock.textContent = ""; };
    player.querySelector("[data-all]").addEventListener("click", all);
    player.querySelector("[data-play]").addEventListener("click", () => {
      if (steps.length === 0) return;
      clearInterval(timer);
      const speed = Number(player.querySelector("[data-speed]").value), began = performance.now();
      const first = Number(steps[0].dataset.at);
      steps.forEach((step) => { step.hidden = true; });
      timer = setInterval(() => {
        const at = first + (performance.now() - began) * speed;
        for (const step of steps) {
          if (step.hidden && Number(step.dataset.at) <= at) { step.hidden = false; step.scrollIntoView({ block: "nearest" }); }
        }
        clock.textContent = `+${Math.floor(at / 60000)}:${String(Math.floor(at / 1000) % 60).padStart(2, "0")}`;
        if (steps.every((step) => !step.hidden)) clearInterval(timer);
      }, 100);
    });
  }

  // --- Relative words grow old.
  const words = (seconds) => {
    const past = seconds >= 0, size = Math.abs(seconds);
    if (size < 60) return past ? "just now" : "in a moment";
    const text = size < 5400 ? `${Math.round(size / 60)} min`
      : size < 129600 ? `${Math.round(size / 3600)} h` : `${Math.round(size / 86400)} days`;
    return past ? `${text} ago` : `in ${text}`;
  };
  setInterval(() => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const place = time.querySelector(".rel");
      if (place && place.textContent) place.textContent = words((Date.now() - Date.parse(time.dateTime)) / 1000);
    }
  }, 30000);
})();
