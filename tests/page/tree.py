"""The accessibility tree that the browser computes: what screen readers get."""

CONTROLS = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "slider", "spinbutton", "option", "tab", "menuitem", "DisclosureTriangle",
            "grid", "treegrid", "table", "dialog", "region", "navigation", "search", "form", "complementary", "group", "image", "img", "row",
            "columnheader", "rowheader", "heading", "progressbar", "meter"}
# Rows and groups of text have their name from what is in them; these may do without.
MAY_BE_NAMELESS = {"row", "group", "columnheader", "rowheader", "option", "table", "form"}
NOTHING = {"generic", "none", "presentation", "StaticText", "InlineTextBox", "paragraph"}


class Node:
    def __init__(self, raw):
        value = lambda key: raw.get(key, {}).get("value", "")  # noqa: E731
        self.role, self.name = value("role"), value("name")
        self.properties = {entry["name"]: entry["value"].get("value") for entry in raw.get("properties", [])}
        self.ignored, self.id = raw.get("ignored", False), raw["nodeId"]

    def __repr__(self):
        return f"{self.role} {self.name[:40]!r} {self.properties}"


def tree(driver):
    nodes = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    return [node for node in map(Node, nodes) if not node.ignored]


def faults(nodes):
    """What a screen reader could not tell: controls without a name, what has the focus without a role, a wrong order of headings and landmarks."""
    found = [f"no name: {node}" for node in nodes if node.role in CONTROLS - MAY_BE_NAMELESS and not node.name.strip()]
    for node in nodes:
        if node.properties.get("focusable") and node.role != "RootWebArea":
            if node.role in NOTHING:
                found.append(f"no role: {node}")
            elif not node.name.strip():
                found.append(f"can have the focus and has no name: {node}")
    levels = [node.properties.get("level") for node in nodes if node.role == "heading"]
    if levels.count(1) != 1:
        found.append(f"{levels.count(1)} headings of level 1")
    found += [f"a heading of level {level} behind one of level {before}" for before, level in zip(levels, levels[1:]) if level > before + 1]
    for role in ("banner", "main", "contentinfo", "navigation"):
        count = sum(node.role == role for node in nodes)
        if count != 1:
            found.append(f"{count} × {role}")
    return found
