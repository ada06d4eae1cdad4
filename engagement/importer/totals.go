package importer

import "strings"

// isTotalRow reports whether a row adds others up: it has a label with a colon, or
// nothing that says of which trade it is.
func (t *table) isTotalRow(r row) bool {
	l := t.layout
	return strings.HasSuffix(filledCells(r.cells)[0], ":") ||
		r.cell(l.closed) == "" && r.cell(l.id) == "" && r.cell(l.symbol) == "" && r.cell(l.kind) == ""
}

// takeTotal compares the totals of such a row with those of the rows before it.
func (t *table) takeTotal(r row) {
	filled := filledCells(r.cells)
	if name, isLabel := strings.CutSuffix(filled[0], ":"); isLabel {
		if m, err := t.decimals.parse(filled[len(filled)-1]); err == nil && len(filled) == 2 {
			t.total(name, m, t.sum)
		}
		return
	}
	for i, column := range t.layout.money {
		if m, err := t.decimals.parse(r.cell(column)); err == nil && r.cell(column) != "" && !t.totals {
			t.total(t.layout.names[column], m, t.sums[i])
		}
	}
	t.totals = true
}

// results takes the row of a report in which gross profit and gross loss add up to
// the net profit, in whatever language it is.
func (t *table) results(r row) {
	filled := filledCells(r.cells)
	if t.net || len(filled) != 6 {
		return
	}
	var amounts [3]micros
	for i := range amounts {
		m, err := t.decimals.parse(filled[2*i+1])
		if err != nil || !strings.HasSuffix(filled[2*i], ":") {
			return
		}
		amounts[i] = m
	}
	if amounts[0] == amounts[1]+amounts[2] && amounts[1] >= 0 && amounts[2] <= 0 {
		t.net = true
		t.total(strings.TrimSuffix(filled[0], ":"), amounts[0], t.sum)
	}
}

func filledCells(cells []string) (filled []string) {
	for _, cell := range cells {
		if cell != "" {
			filled = append(filled, cell)
		}
	}
	return filled
}
