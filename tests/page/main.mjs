// Runs the tests of the page in a browser: node main.mjs [PART OF A NAME]
import { runAll } from "./harness.mjs";
import "./runs.mjs";
import "./views.mjs";
import "./moment.mjs";
import "./hostile.mjs";
import "./report.mjs";
import "./report_cases.mjs";
import "./access.mjs";
import "./foreign.mjs";

process.exit(await runAll());
