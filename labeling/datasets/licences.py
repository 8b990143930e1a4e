"""The licences a dataset can be given, by the names that dataset hubs know."""

LICENCES: dict[str, str] = {
    "unlicensed": "No licence: for use inside the project",
    "cc-by-4.0": "Creative Commons Attribution 4.0",
    "cc-by-sa-4.0": "Creative Commons Attribution-ShareAlike 4.0",
    "cc-by-nc-4.0": "Creative Commons Attribution-NonCommercial 4.0",
    "cc0-1.0": "Creative Commons Zero 1.0 (public domain)",
    "odc-by": "Open Data Commons Attribution",
}
