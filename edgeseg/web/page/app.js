// Starts the parts of the page. docs/api.md says what they talk about, docs/page.md what they are.

import { begin } from "/connection.js";
import { startFigures } from "/figures.js";
import { startGallery } from "/gallery.js";
import { startGovernor } from "/governor.js";
import { startHappenings } from "/happenings.js";
import { startControls } from "/controls.js";
import { startSettings } from "/settings.js";
import { startView } from "/view.js";

for (const start of [startView, startSettings, startControls, startGallery, startFigures, startGovernor, startHappenings]) start();
begin();
