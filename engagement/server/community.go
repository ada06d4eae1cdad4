package server

import (
	"context"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server/internal/params"
)

func (s *Server) addCommunity() {
	of := func(path, id string, a access, summary string) operation {
		return operation{path: "/v1/" + path, id: id, access: a, tag: "community", summary: summary}
	}
	read(s, of("today", "get-today", seenByAll, "Today's figures"),
		func(ctx context.Context, _ *struct{}) (engagement.RealTimeStats, error) {
			return s.db.RealTimeStats(ctx)
		})
	inWindow(s, of("days", "list-days", readers, "The figures of every day, oldest first"), s.db.DailyFigures)
	list(s, of("days/{day}/new", "list-new-users", readers, "The users who fired for the first time on a day, by user id"),
		func(ctx context.Context, in *struct {
			Day string `path:"day" doc:"a day, such as 2026-01-31"`
			params.Page
		}) (engagement.Page[engagement.UserStats], error) {
			day, err := engagement.ParseDay(in.Day)
			if err != nil {
				return engagement.Page[engagement.UserStats]{}, err
			}
			return s.db.NewUsers(ctx, day, in.Query())
		})
	inWindow(s, of("activity", "get-activity", readers, "Daily, weekly and monthly active users up to each day"), s.db.Activity)
	inWindow(s, of("hours", "get-hours", readers, "Fires by hour of the week, from Monday on"), s.db.Hours)
	read(s, of("lifecycle", "get-lifecycle", readers, "Who is new, returning, back and gone, by period"),
		func(ctx context.Context, in *struct {
			params.Days
			params.Period
		}) ([]engagement.Lifecycle, error) {
			w, by, err := s.periods(in.Days, in.Period)
			if err != nil {
				return nil, err
			}
			return s.db.Lifecycle(ctx, w, by)
		})
	read(s, of("cohorts", "get-cohorts", readers, "How many new users come back, by the period of their first fire"),
		func(ctx context.Context, in *struct {
			params.Days
			params.Period
			Periods int `query:"periods" default:"8" doc:"how many periods to follow each cohort"`
		}) ([]engagement.Cohort, error) {
			w, by, err := s.periods(in.Days, in.Period)
			if err != nil {
				return nil, err
			}
			return s.db.Cohorts(ctx, w, by, in.Periods)
		})
	read(s, of("calendar", "get-calendar", readers, "The database's days: its time zone, today, and since when fires are all kept one by one"),
		func(ctx context.Context, _ *struct{}) (Calendar, error) {
			day, err := s.db.Horizon(ctx)
			return Calendar{s.db.Location().String(), s.db.Today(), day}, err
		})
}

// Calendar says what a database's days are.
type Calendar struct {
	TimeZone string         `json:"time_zone"` // in which they begin and end, by its name
	Today    engagement.Day `json:"today"`
	Horizon  engagement.Day `json:"horizon"` // the first day whose fires are all kept one by one
}

// inWindow registers an operation that a window is all to ask for.
func inWindow[T any](s *Server, o operation, answer func(context.Context, engagement.Window) (T, error)) {
	read(s, o, func(ctx context.Context, in *struct{ params.Days }) (T, error) {
		w, err := s.db.ParseWindow(in.Window)
		if err != nil {
			return *new(T), err
		}
		return answer(ctx, w)
	})
}

func (s *Server) periods(d params.Days, p params.Period) (w engagement.Window, by engagement.Period, err error) {
	if w, err = s.db.ParseWindow(d.Window); err == nil {
		by, err = engagement.ParsePeriod(p.By)
	}
	return w, by, err
}
