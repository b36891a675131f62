// The shared kit: what every view needs once per page. The build puts it into a script of its own (static/kit.js), which
// runs before the view's; the views' imports of these modules then read from here (see build.mjs).
import * as dom from "./dom";
import * as help from "./help";
import * as keys from "./keys";
import * as number from "./number";
import * as register from "./register";
import * as shell from "./shell";
import * as timeline from "./timeline";
import * as transport from "./transport";
import * as twin from "./twin";

(globalThis as Record<string, unknown>).gradvizKit = { ...dom, ...help, ...keys, ...number, ...register, ...shell, ...timeline, ...transport, ...twin };
