package engagement

import (
	"fmt"
	"strconv"
	"time"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// jsonRows builds the JSON array of arrays that a statement about many rows reads. The
// caller writes each row's columns in order between begin and the next begin. PostgreSQL
// reads it as JSONB, since it would parse a row of JSON anew for each of its columns.
type jsonRows struct {
	text []byte
}

// begin starts a row.
func (r *jsonRows) begin() *jsonRows {
	if len(r.text) == 0 {
		r.text = append(r.text, '[')
	} else {
		r.text = append(r.text, "],"...)
	}
	r.text = append(r.text, '[')
	return r
}

func (r *jsonRows) comma() {
	if r.text[len(r.text)-1] != '[' {
		r.text = append(r.text, ',')
	}
}

func (r *jsonRows) int(values ...int64) *jsonRows {
	for _, v := range values {
		r.comma()
		r.text = strconv.AppendInt(r.text, v, 10)
	}
	return r
}

// ids returns the JSON array of plain numbers.
func ids(values []int64) string {
	text := []byte{'['}
	for i, v := range values {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, v, 10)
	}
	return string(append(text, ']'))
}

func (r *jsonRows) bool(v bool) *jsonRows {
	if v {
		return r.int(1)
	}
	return r.int(0)
}

// float writes as many digits as it takes to read the same number again.
func (r *jsonRows) float(v float64) *jsonRows {
	r.comma()
	r.text = strconv.AppendFloat(r.text, v, 'g', -1, 64)
	return r
}

// str writes an id byte by byte: other programs may have stored what is not
// UTF-8, which encoding/json would replace.
func (r *jsonRows) str(s string) *jsonRows {
	r.comma()
	r.text = append(r.text, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ':
			r.text = fmt.Appendf(r.text, "\\u%04x", c)
			continue
		case c == '"' || c == '\\':
			r.text = append(r.text, '\\')
		}
		r.text = append(r.text, s[i])
	}
	r.text = append(r.text, '"')
	return r
}

func (r *jsonRows) time(t time.Time) *jsonRows {
	r.comma()
	r.text = append(r.text, '"')
	r.text = t.UTC().AppendFormat(r.text, engine.TimeFormat)
	r.text = append(r.text, '"')
	return r
}

func (r *jsonRows) empty() bool { return len(r.text) == 0 }

// String returns the JSON.
func (r *jsonRows) String() string {
	if r.empty() {
		return "[]"
	}
	return string(r.text) + "]]"
}
