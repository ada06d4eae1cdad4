package engagement

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"strings"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// This file checks what is stored as it was given and cannot be compared with
// anything else: that it can be read, and makes sense by itself (V7).

// verifyReadable reports whether the counters can be compared at all: whether each
// value is of its column's type and each setting makes sense.
func (v *view) verifyReadable(ctx context.Context, report *Report) (readable bool, err error) {
	rows, err := v.q.UnreadableCounters(ctx, MaxFindings)
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		report.Findings = append(report.Findings, Finding{
			Invariant: "V5", Subject: row.Place + ", " + row.RowKey, Field: row.Field,
			Stored: "a value that cannot be read", Expected: "one of the column's type",
		})
	}
	if len(rows) > 0 {
		return false, nil
	}
	return v.verifySettings(ctx, report)
}

// checkSetting returns what a wrong setting should be instead, or "" for one that is
// right.
func (v *view) checkSetting(setting dbgen.Setting) (want string) {
	number := func(least, most int64, want string) string {
		if n, err := parseSetting(setting.Name, setting.Value); err != nil || n < least || n > most {
			return want
		}
		return ""
	}
	switch setting.Name {
	case settingTimeZone:
		if setting.Value != v.loc.String() {
			return v.loc.String()
		}
	case settingHorizon:
		// Another process's clock may be ahead by a day.
		last := v.today() + daysAhead
		return number(int64(balanceDay)+1, int64(last), fmt.Sprintf("a day from %s to %s, as a number", balanceDay+1, last))
	case settingRepairs:
		return number(1, math.MaxInt64, "a number from 1 on")
	case settingStreakRules:
		if _, err := v.parseRules(setting.Value); err != nil {
			return "streak rules in JSON"
		}
	case settingStreakRecount:
		return number(math.MinInt64, math.MaxInt64, "a user's id")
	case settingLastVerify:
		if _, err := parseVerification(setting.Value); err != nil {
			return "a time and a number of findings, in JSON"
		}
	case settingLastBackup:
		if _, err := parseNoted(setting.Value); err != nil {
			return "a time"
		}
	case settingCopying:
	default:
		return "no such setting"
	}
	return ""
}

func (v *view) verifySettings(ctx context.Context, report *Report) (readable bool, err error) {
	found := func(name, stored, want string) {
		report.Findings = append(report.Findings, Finding{
			Invariant: "V7", Subject: "setting " + name, Field: "value", Stored: stored, Expected: want,
		})
	}
	readable = true
	zone := false
	for setting, err := range v.everySetting(ctx) {
		if err != nil {
			return false, err
		}
		zone = zone || setting.Name == settingTimeZone
		want := v.checkSetting(setting)
		if want == "" || len(report.Findings) >= MaxFindings {
			continue
		}
		found(setting.Name, shortened(setting.Value), want)
		switch setting.Name {
		case settingHorizon:
			_, err := parseSetting(setting.Name, setting.Value)
			readable = readable && err == nil
		case settingStreakRules:
			readable = false
		}
	}
	if !zone {
		counted, err := v.counted(ctx)
		if err != nil {
			return false, err
		}
		if counted {
			found(settingTimeZone, "missing", "the time zone that days are counted in")
		}
	}
	return readable, nil
}

// verifyGiven checks metrics, awards, freezes, tokens and who is public.
func (v *view) verifyGiven(ctx context.Context, report *Report) error {
	for _, check := range []func(context.Context, *Report) error{
		v.verifyMetrics, v.verifyAwards, v.verifyAwardTimes, v.verifyOrphanFreezes, v.verifyFreezeTimes,
		v.verifyTokens, v.verifyPublicUsers, v.verifyOrphanPublicUsers,
	} {
		if err := check(ctx, report); err != nil {
			return err
		}
	}
	return nil
}

func (v *view) verifyMetrics(ctx context.Context, report *Report) error {
	bad := 0
	for row, err := range v.everyMetric(ctx) {
		if err != nil || bad == MaxFindings {
			return err
		}
		d, err := decodeMetric([]byte(row.Definition))
		if err == nil {
			err = d.check()
		}
		switch {
		case err != nil:
			report.Findings = append(report.Findings, Finding{
				Invariant: "V7", Subject: fmt.Sprintf("metric %q", shortened(row.Name)), Field: "definition",
				Stored: shortened(row.Definition), Expected: "a definition: " + err.Error(),
			})
		case d.Name != row.Name:
			compare(report, "V7", fmt.Sprintf("metric %q", shortened(row.Name)), "name", shortened(row.Name), d.Name)
		default:
			continue
		}
		bad++
	}
	return nil
}

func (v *view) verifyAwards(ctx context.Context, report *Report) error {
	rows, err := v.q.SenselessAwards(ctx, MaxFindings)
	for _, row := range rows {
		report.Findings = append(report.Findings, Finding{
			Invariant: "V7", Subject: awardText(row.UserID, row.StreakStart), Field: "milestone",
			Stored:   fmt.Sprintf("%d on %s", row.Milestone, Day(row.Day)),
			Expected: fmt.Sprintf("a streak of as many days between both, of which %d are active", row.ActiveDays),
		})
	}
	return err
}

func awardText(user, start int64) string {
	return fmt.Sprintf("award of user %d, streak of %s", user, Day(start))
}

func (v *view) verifyAwardTimes(ctx context.Context, report *Report) error {
	bad := 0
	for row, err := range v.everyAward(ctx) {
		if err != nil || bad == MaxFindings {
			return err
		}
		if DayOf(row.AwardedAt, v.loc) < Day(row.Day)-daysAhead {
			bad++
			report.Findings = append(report.Findings, Finding{
				Invariant: "V7", Subject: awardText(row.UserID, row.StreakStart), Field: "awarded_at",
				Stored: timeText(row.AwardedAt), Expected: fmt.Sprintf("a time after %s, when it was reached", Day(row.Day)-daysAhead),
			})
		}
	}
	return nil
}

func (v *view) verifyOrphanFreezes(ctx context.Context, report *Report) error {
	rows, err := v.q.OrphanFreezes(ctx, MaxFindings)
	for _, row := range rows {
		compare(report, "V7", freezeText(row), "user_id", fmt.Sprint(row.UserID), knownUser)
	}
	return err
}

// knownUser is what is expected of a user of whom something is stored.
const knownUser = "a user who has fired or traded"

func freezeText(f dbgen.StreakFreeze) string {
	return fmt.Sprintf("freeze %q of user %d", shortened(f.GrantID), f.UserID)
}

func (v *view) verifyFreezeTimes(ctx context.Context, report *Report) error {
	bad := 0
	for row, err := range v.everyFreeze(ctx) {
		if err != nil || bad == MaxFindings {
			return err
		}
		if checkID("grant id", row.GrantID) != nil {
			bad++
			compare(report, "V7", freezeText(row), "grant_id", shortened(row.GrantID), "a grant id")
		}
		if day := DayOf(row.GrantedAt, v.loc); day != Day(row.GrantedDay) {
			bad++
			compare(report, "V7", freezeText(row), "granted_day", Day(row.GrantedDay), day)
		}
	}
	return nil
}

// verifySense checks that the counts of each single day make sense by themselves, and
// that those before the horizon agree with one another.
func (v *view) verifySense(ctx context.Context, report *Report) error {
	users, err := v.q.SenselessUserDays(ctx, MaxFindings)
	if err != nil {
		return err
	}
	for _, row := range users {
		report.Findings = append(report.Findings, Finding{
			Invariant: "V7", Subject: fmt.Sprintf("user %d on %s", row.UserID, Day(row.Day)), Field: "counts",
			Stored: fmt.Sprintf("%d fires, %d of them executed, %d wins, %d losses, %d draws",
				row.Fires, row.Executed, row.Wins, row.Losses, row.Draws),
			Expected: senseText,
		})
	}
	signals, err := v.q.SenselessSignalDays(ctx, MaxFindings)
	if err != nil {
		return err
	}
	for _, row := range signals {
		report.Findings = append(report.Findings, Finding{
			Invariant: "V7", Subject: fmt.Sprintf("signal %q on %s", row.SignalID, Day(row.Day)), Field: "counts",
			Stored: fmt.Sprintf("%d fires, %d of them executed", row.Fires, row.Executed), Expected: senseText,
		})
	}
	return v.verifyCleanedDays(ctx, report)
}

const senseText = "something counted, and no more executed than fired"

func (v *view) verifyCleanedDays(ctx context.Context, report *Report) error {
	// Fires of users who were erased stay in the signals' days before the horizon.
	erased, err := v.isSet(ctx, settingRepairs)
	if err != nil {
		return err
	}
	params := dbgen.CleanedDayMismatchesParams{Horizon: int64(report.Horizon), MaxRows: MaxFindings}
	atLeast := "at least "
	if !erased {
		params.Exact, atLeast = 1, ""
	}
	rows, err := v.q.CleanedDayMismatches(ctx, params)
	for _, row := range rows {
		subject := fmt.Sprintf("signals on %s", Day(row.Day))
		if row.SignalFires < row.Fires || (!erased && row.SignalFires != row.Fires) {
			compare(report, "V3", subject, "fires", fmt.Sprint(row.SignalFires), fmt.Sprint(atLeast, row.Fires))
		}
		if row.SignalExecuted < row.Executed || (!erased && row.SignalExecuted != row.Executed) {
			compare(report, "V3", subject, "executed", fmt.Sprint(row.SignalExecuted), fmt.Sprint(atLeast, row.Executed))
		}
	}
	return err
}

// everySetting yields all settings by name.
func (v *view) everySetting(ctx context.Context) iter.Seq2[dbgen.Setting, error] {
	return walk(MaxLimit, func(a, b dbgen.Setting) int {
		return strings.Compare(a.Name, b.Name)
	}, func(after *dbgen.Setting) ([]dbgen.Setting, error) {
		if after == nil {
			return v.q.SettingsAfter(ctx, dbgen.SettingsAfterParams{ExceptName: settingCopying, MaxRows: MaxLimit})
		}
		return v.q.SettingsAfter(ctx, dbgen.SettingsAfterParams{AfterName: after.Name, ExceptName: settingCopying, MaxRows: MaxLimit})
	})
}

// everyMetric yields all custom metrics by name.
func (v *view) everyMetric(ctx context.Context) iter.Seq2[dbgen.CustomMetric, error] {
	const size = 50 // a definition may be long
	return walk(size, func(a, b dbgen.CustomMetric) int {
		return strings.Compare(a.Name, b.Name)
	}, func(after *dbgen.CustomMetric) ([]dbgen.CustomMetric, error) {
		if after == nil {
			return v.q.MetricsAfter(ctx, dbgen.MetricsAfterParams{MaxRows: size})
		}
		return v.q.MetricsAfter(ctx, dbgen.MetricsAfterParams{AfterName: after.Name, MaxRows: size})
	})
}

// everyAward yields all awards by user, streak and milestone.
func (v *view) everyAward(ctx context.Context) iter.Seq2[dbgen.StreakAward, error] {
	return walk(MaxLimit, func(a, b dbgen.StreakAward) int {
		return cmp.Or(cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.StreakStart, b.StreakStart), cmp.Compare(a.Milestone, b.Milestone))
	}, func(after *dbgen.StreakAward) ([]dbgen.StreakAward, error) {
		params := dbgen.AwardsAfterParams{AfterUser: math.MinInt64, AfterStart: math.MinInt64, AfterMilestone: math.MinInt64, MaxRows: MaxLimit}
		if after != nil {
			params.AfterUser, params.AfterStart, params.AfterMilestone = after.UserID, after.StreakStart, after.Milestone
		}
		return v.q.AwardsAfter(ctx, params)
	})
}
