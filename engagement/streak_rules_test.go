package engagement_test

import (
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestStreakRulesInJSON(t *testing.T) {
	t.Parallel()
	rules := engagement.StreakRules{RestDays: []time.Weekday{0, 6}, Milestones: []int64{5, 10}, FreezeCap: 3}
	text := must(rules.MarshalJSON())(t)
	same(t, "JSON", string(text), `{"rest_days":["sunday","saturday"],"milestones":[5,10],"freeze_cap":3}`)
	var read engagement.StreakRules
	noError(t, read.UnmarshalJSON(text))
	same(t, "rules read again", read, rules)
	wantError(t, read.UnmarshalJSON([]byte(`{"rest_days":["caturday"]}`)), engagement.ErrInvalid)
}
