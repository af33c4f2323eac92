// A table that the buttons in its head sort. Its order, and the focus, outlive new rows.
const compareValues = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

class SortedTable {
  // `columns`: { title, num, value(row), cell(row, hue) }; `caption(total)`; `most` rows are shown, by `sort` (a column's index).
  constructor({ caption, columns, most, sort, label }) {
    Object.assign(this, { captionOf: caption, columns, most, sort });
    this.down = Boolean(columns[sort].num);
    this.rows = [];
    this.caption = el("caption", null);
    this.body = el("tbody", null);
    this.heads = columns.map((column, at) => el("th", { scope: "col", class: column.num ? "num" : null },
      button(column.title, () => this.sortBy(at), { class: "sorter", title: "Sort by this column" })));
    this.table = el("table", { class: "calls" }, this.caption, el("thead", null, el("tr", null, this.heads)), this.body);
    // What is too wide for a narrow screen scrolls by itself.
    this.root = el("div", { class: "table-place", tabindex: 0, role: "region", "aria-label": label }, this.table);
  }

  sortBy(at) {
    this.down = at === this.sort ? !this.down : Boolean(this.columns[at].num);
    this.sort = at;
    this.draw();
  }

  // `hue` gives the colours of the services in the rows.
  set(rows, hue) {
    this.rows = rows;
    this.hue = hue;
    this.draw();
  }

  draw() {
    const { value } = this.columns[this.sort], turn = this.down ? -1 : 1;
    const sorted = [...this.rows].sort((a, b) => turn * compareValues(value(a), value(b))).slice(0, this.most);
    this.caption.textContent = this.captionOf(this.rows.length);
    this.heads.forEach((head, at) => {
      if (at === this.sort) head.setAttribute("aria-sort", this.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    keepingFocus(this.root, () => this.body.replaceChildren(...sorted.map((row) => el("tr", null,
      this.columns.map(({ num, bad, cell }) => el("td", { class: [num && "num", bad?.(row) && "bad"].filter(Boolean).join(" ") || null }, cell(row, this.hue)))))));
  }
}

const serviceCell = (service, hue) => el("span", { class: "service" }, dot(hue(service)), plain(short(service, 80)));
