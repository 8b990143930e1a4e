/* What every page does. Each import attaches itself by data- attributes; see the top of each. */
import "./theme.js";
import "./keys.js";
import "./dialogs.js";
import "./menus.js";
import "./panes.js";
import "./times.js";
import "./copy.js";
import "./requests.js";
