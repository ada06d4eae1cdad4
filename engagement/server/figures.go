package server

import (
	"context"
	"net/http"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server/internal/params"
)

func (s *Server) addFigures() {
	of := func(path, id string, a access, summary string) operation {
		return operation{path: "/v1/" + path, id: id, access: a, tag: "figures", summary: summary}
	}
	read(s, of("users/{user}/quality", "get-user-quality", userPage, "How good a user's trades were"),
		func(ctx context.Context, in *struct {
			params.OfUser
			params.Days
			params.Account
		}) (engagement.TradeQuality, error) {
			return s.quality(ctx, engagement.QualityQuery{UserID: in.User, Balance: in.Balance}, in.Days)
		})
	read(s, of("signals/{signal}/quality", "get-signal-quality", seenByAll, "How good the trades of a signal's followers were"),
		func(ctx context.Context, in *struct {
			params.OfSignal
			params.Days
			params.Account
		}) (engagement.TradeQuality, error) {
			return s.quality(ctx, engagement.QualityQuery{SignalID: in.Signal, Balance: in.Balance}, in.Days)
		})
	read(s, of("users/{user}/forecast", "get-user-forecast", userPage, "How likely a user's next decided trade is a win"),
		func(ctx context.Context, in *struct {
			params.OfUser
			params.Prior
		}) (engagement.Forecast, error) {
			return s.db.Forecast(ctx, engagement.ForecastQuery{UserID: in.User, Strength: in.Strength, MinDecided: in.MinDecided})
		})
	read(s, of("signals/{signal}/forecast", "get-signal-forecast", seenByAll, "How likely the next decided trade of a signal's followers is a win"),
		func(ctx context.Context, in *struct {
			params.OfSignal
			params.Prior
		}) (engagement.Forecast, error) {
			return s.db.Forecast(ctx, engagement.ForecastQuery{SignalID: in.Signal, Strength: in.Strength, MinDecided: in.MinDecided})
		})
	read(s, of("calibration", "get-calibration", readers, "How good past forecasts were"),
		func(ctx context.Context, in *struct {
			Of string `query:"of" default:"users" enum:"users,signals" doc:"whose forecasts"`
			params.Days
			params.Prior
		}) (engagement.Calibration, error) {
			w, err := s.db.ParseWindow(in.Window)
			if err != nil {
				return engagement.Calibration{}, err
			}
			return s.db.ScoreForecasts(ctx, engagement.CalibrationQuery{
				BySignal: in.Of == "signals", Window: w, Strength: in.Strength, MinDecided: in.MinDecided,
			})
		})
	s.addMetrics()
}

func (s *Server) quality(ctx context.Context, q engagement.QualityQuery, d params.Days) (engagement.TradeQuality, error) {
	var err error
	if q.Window, err = s.db.ParseWindow(d.Window); err != nil {
		return engagement.TradeQuality{}, err
	}
	return s.db.TradeQuality(ctx, q)
}

func (s *Server) addMetrics() {
	of := func(path, id string, a access, summary string) operation {
		return operation{path: "/v1/metrics" + path, id: id, access: a, tag: "metrics", summary: summary}
	}
	registry := s.api.OpenAPI().Components.Schemas
	list(s, of("", "list-metrics", readers, "The community's own metrics by name"),
		func(ctx context.Context, in *struct{ params.Page }) (engagement.Page[engagement.MetricDefinition], error) {
			return s.db.CustomMetrics(ctx, in.Query())
		})
	read(s, of("/{name}", "get-metric", readers, "A metric's definition"),
		func(ctx context.Context, in *params.Metric) (engagement.MetricDefinition, error) {
			return s.db.CustomMetric(ctx, in.Name)
		})
	values := func(v engagement.MetricValues) engagement.Cursor { return v.Next }
	readOn(s, of("/{name}/values", "get-metric-values", readers, "What a metric comes to now"),
		func(ctx context.Context, in *struct {
			params.Metric
			params.Page
		}) (engagement.MetricValues, error) {
			return s.db.EvaluateMetric(ctx, in.Name, in.Query())
		}, values)

	define := of("", "define-metric", admins, "Define a metric, in place of one of the same name")
	define.method = http.MethodPost
	write(s, define, func(ctx context.Context, in *params.Body) (engagement.MetricDefinition, error) {
		d, err := engagement.ParseMetricDefinition(in.RawBody)
		if err != nil {
			return d, err
		}
		return d, s.db.DefineMetric(ctx, d)
	})
	s.takes(define.method, define.path, schemaOf[engagement.MetricDefinition](registry))

	try := operation{
		method: http.MethodPost, path: "/v1/evaluate", id: "evaluate-definition", access: readers, tag: "metrics",
		summary: "What a definition would come to now; it is not kept",
	}
	write(s, try, func(ctx context.Context, in *struct {
		params.Page
		params.Body
	}) (engagement.MetricValues, error) {
		d, err := engagement.ParseMetricDefinition(in.RawBody)
		if err != nil {
			return engagement.MetricValues{}, err
		}
		return s.db.EvaluateDefinition(ctx, d, in.Query())
	})
	s.takes(try.method, try.path, schemaOf[engagement.MetricDefinition](registry))

	forget := of("/{name}", "delete-metric", admins, "Delete a metric's definition")
	forget.method = http.MethodDelete
	write(s, forget, func(ctx context.Context, in *params.Metric) (Deleted, error) {
		return Deleted{in.Name}, s.db.DeleteMetric(ctx, in.Name)
	})
}

// Deleted names what was deleted.
type Deleted struct {
	Deleted string `json:"deleted"`
}
