package server

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/importer"
)

// The library's types that write themselves in JSON. huma takes the schema of each
// from a type of this package in its place.

type (
	daySchema       struct{}
	windowSchema    struct{}
	statusSchema    struct{}
	outcomeSchema   struct{}
	rankingSchema   struct{}
	figureSchema    struct{}
	streakDaySchema struct{}
	scopeSchema     struct{}
	whatSchema      struct{}
	ofSchema        struct{}
	perSchema       struct{}
	formatSchema    struct{}
	problemSchema   struct{}
)

func (daySchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date", Description: "a calendar day in the database's time zone"}
}

func (windowSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: "all, or days such as 2026-01-01..2026-01-31"}
}

func (statusSchema) Schema(huma.Registry) *huma.Schema { return named(engagement.Statuses()) }

func (outcomeSchema) Schema(huma.Registry) *huma.Schema { return named(engagement.Outcomes()) }

func (rankingSchema) Schema(huma.Registry) *huma.Schema { return named(engagement.Rankings()) }

func (figureSchema) Schema(huma.Registry) *huma.Schema { return named(engagement.FiguresOfUser()) }

func (streakDaySchema) Schema(huma.Registry) *huma.Schema {
	return named([]engagement.StreakDayKind{engagement.ActiveDay, engagement.RestDay, engagement.FrozenDay, engagement.OpenDay})
}

func (scopeSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: `^(read|write|admin|self:-?[0-9]+)$`}
}

func (whatSchema) Schema(huma.Registry) *huma.Schema { return named(engagement.MetricWhats()) }

func (ofSchema) Schema(huma.Registry) *huma.Schema { return named(engagement.MetricOfs()) }

func (perSchema) Schema(huma.Registry) *huma.Schema { return named(engagement.MetricPers()) }

func (formatSchema) Schema(huma.Registry) *huma.Schema { return named(importer.Formats()) }

func (problemSchema) Schema(huma.Registry) *huma.Schema {
	return named([]importer.Kind{importer.Unreadable, importer.Conflict, importer.Refused})
}

// named is the schema of a text that is one of a few.
func named[T any](values []T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, value := range values {
		s.Enum = append(s.Enum, fmt.Sprint(value))
	}
	return s
}

type streakRules struct {
	RestDays   []string `json:"rest_days,omitempty" enum:"sunday,monday,tuesday,wednesday,thursday,friday,saturday"`
	Milestones []int64  `json:"milestones,omitempty" maxItems:"50"`
	FreezeCap  int      `json:"freeze_cap,omitempty" minimum:"0" maximum:"30"`
}

// newRegistry returns a registry that knows the library's types.
func newRegistry() huma.Registry {
	r := huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer)
	for of, as := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[engagement.Day]():           reflect.TypeFor[daySchema](),
		reflect.TypeFor[engagement.Window]():        reflect.TypeFor[windowSchema](),
		reflect.TypeFor[engagement.Status]():        reflect.TypeFor[statusSchema](),
		reflect.TypeFor[engagement.Outcome]():       reflect.TypeFor[outcomeSchema](),
		reflect.TypeFor[engagement.Ranking]():       reflect.TypeFor[rankingSchema](),
		reflect.TypeFor[engagement.Figure]():        reflect.TypeFor[figureSchema](),
		reflect.TypeFor[engagement.StreakDayKind](): reflect.TypeFor[streakDaySchema](),
		reflect.TypeFor[engagement.Scope]():         reflect.TypeFor[scopeSchema](),
		reflect.TypeFor[engagement.MetricWhat]():    reflect.TypeFor[whatSchema](),
		reflect.TypeFor[engagement.MetricOf]():      reflect.TypeFor[ofSchema](),
		reflect.TypeFor[engagement.MetricPer]():     reflect.TypeFor[perSchema](),
		reflect.TypeFor[importer.Format]():          reflect.TypeFor[formatSchema](),
		reflect.TypeFor[importer.Kind]():            reflect.TypeFor[problemSchema](),
		reflect.TypeFor[engagement.StreakRules]():   reflect.TypeFor[streakRules](),
	} {
		r.RegisterTypeAlias(of, as)
	}
	return r
}

const schemaPrefix = "#/components/schemas/"

// settle says of the types in a registry what huma has otherwise: what can be null
// is a pointer that is always there, and nothing else.
func settle(r huma.Registry) {
	for _, own := range []string{"ErrorModel", "ErrorDetail"} { // huma's, which no client sees
		delete(r.Map(), own)
	}
	for name, schema := range r.Map() {
		settleFields(schema, r.TypeFromRef(schemaPrefix+name))
	}
	for name, required := range map[string][]string{
		"Fire": {"user_id", "signal_id"}, "Trade": {"user_id", "trade_id", "pnl"}, "MetricDefinition": {"name", "what", "per"},
	} {
		r.Map()[name].Required = required
	}
}

func settleFields(s *huma.Schema, t reflect.Type) {
	for _, field := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		of := s.Properties[name]
		if of == nil {
			continue
		}
		settleType(of, field.Type)
		if field.Type.Kind() == reflect.Pointer && options == "" {
			orNull(of)
		}
	}
}

func settleType(s *huma.Schema, t reflect.Type) {
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		if s.Items != nil {
			s.Nullable = false
			settleType(s.Items, t.Elem())
		}
	case reflect.Map:
		if values, ok := s.AdditionalProperties.(*huma.Schema); ok && t.Elem().Kind() == reflect.Pointer {
			orNull(values)
		}
	}
}

func orNull(s *huma.Schema) {
	if s.Ref != "" {
		*s = huma.Schema{OneOf: []*huma.Schema{{Ref: s.Ref}, {Type: "null"}}}
		return
	}
	s.Nullable = true
}

// schemaOf returns the schema of an answer.
func schemaOf[T any](r huma.Registry) *huma.Schema {
	t := reflect.TypeFor[T]()
	s := r.Schema(t, true, t.Name())
	settleType(s, t)
	return s
}

// oneOrMany is the schema of one thing or an array of them.
func oneOrMany(one, each *huma.Schema, most int) *huma.Schema {
	array := &huma.Schema{Type: huma.TypeArray, Items: each, MaxItems: &most}
	return &huma.Schema{OneOf: []*huma.Schema{one, array}}
}
