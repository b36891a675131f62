// The course card: where JupyterLab keeps the notebook that a link names.
import { expect, test } from "vitest";
import { beside } from "../src/course";

test.each([
  ["/lab/tree/00_start.ipynb", "03.ipynb"],
  ["/lab/tree/of%20mine/00_start.ipynb", "of mine/03.ipynb"],
  ["/user/ada/lab/tree/gradviz/notebooks/00_start.ipynb", "gradviz/notebooks/03.ipynb"],
  ["/lab/workspaces/auto-k/tree/a/b/00_start.ipynb", "a/b/03.ipynb"],
])("in JupyterLab, %s", (pathname, path) => {
  expect(beside("03.ipynb", pathname)).toBe(path);
});

test.each(["/notebooks/00_start.ipynb", "/lab", "/", "/tree/lab"])("elsewhere the link is an ordinary one: %s", (pathname) => {
  expect(beside("03.ipynb", pathname)).toBeNull();
});
