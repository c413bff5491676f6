import { mount } from "svelte";
import App from "./App.svelte";
import { embedded } from "./api/embedded";
import { HttpSource } from "./api/http";
import { shared } from "./state.svelte";
import "./style/tokens.css";
import "./style/base.css";
import "uplot/dist/uPlot.min.css";

// A link with a token has set its cookie by now: it need not stand in the history.
if (location.search) history.replaceState(null, "", location.pathname + location.hash);

shared.start(embedded() ?? new HttpSource());

const target = document.getElementById("app");
if (target) mount(App, { target });
