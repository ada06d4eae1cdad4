package streaks

import (
	"fmt"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestDue(t *testing.T) {
	// A streak of days 10 to 20.
	reached := []Milestone{{Start: 10, End: 20, Length: 3, Day: 12}, {Start: 10, End: 20, Length: 7, Day: 16}}
	tests := map[string]struct {
		awarded []Award
		want    []int64
	}{
		"all of a streak without awards":                     {want: []int64{3, 7}},
		"not what it was awarded":                            {awarded: []Award{{10, 3, 12}}, want: []int64{7}},
		"not what it was awarded when it began later":        {awarded: []Award{{15, 3, 17}}, want: []int64{7}},
		"not what it was awarded when it began earlier":      {awarded: []Award{{5, 7, 11}}, want: []int64{3}},
		"not what its first day was awarded":                 {awarded: []Award{{4, 7, 10}}, want: []int64{3}},
		"not what its last day was awarded":                  {awarded: []Award{{20, 3, 22}}, want: []int64{7}},
		"what a streak before it was awarded":                {awarded: []Award{{3, 3, 5}, {3, 7, 9}}, want: []int64{3, 7}},
		"what a streak after it was awarded":                 {awarded: []Award{{21, 3, 23}}, want: []int64{3, 7}},
		"nothing that both parts of a joined streak have":    {awarded: []Award{{10, 3, 12}, {15, 3, 17}, {14, 7, 20}}},
		"what was awarded under a milestone of other length": {awarded: []Award{{10, 5, 14}}, want: []int64{3, 7}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []int64
			for _, m := range Due(reached, test.awarded) {
				got = append(got, m.Length)
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("lengths that are due (-want +got):\n%s", diff)
			}
		})
	}
}

func (m Milestone) String() string {
	return fmt.Sprintf("%d on %d in %d–%d", m.Length, m.Day, m.Start, m.End)
}
