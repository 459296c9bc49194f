// Runs the tests of the page in a browser: node main.mjs [PART OF A NAME]
import { runAll } from "./harness.mjs";
import "./runs.mjs";
import "./views.mjs";

process.exit(await runAll());
