package engagement

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"strings"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// This file checks who may use the database over HTTP, and whom everybody may see
// (V7).

func (v *view) verifyTokens(ctx context.Context, report *Report) error {
	bad := 0
	for row, err := range v.everyToken(ctx) {
		if err != nil || bad >= MaxFindings {
			return err
		}
		found := checkToken(row)
		bad += len(found)
		report.Findings = append(report.Findings, found...)
	}
	return nil
}

// checkToken returns what CreateToken and UseToken would not have stored. No finding
// shows the hash.
func checkToken(row dbgen.ApiToken) (findings []Finding) {
	found := func(field, stored, want string) {
		findings = append(findings, Finding{
			Invariant: "V7", Subject: fmt.Sprintf("token %q", shortened(row.ID)), Field: field, Stored: stored, Expected: want,
		})
	}
	if len(row.ID) != tokenIDLength || checkID("token id", row.ID) != nil {
		found("id", shortened(row.ID), fmt.Sprintf("%d characters", tokenIDLength))
	}
	if sum, err := hex.DecodeString(row.Hash); err != nil || len(sum) != sha256.Size || strings.ToLower(row.Hash) != row.Hash {
		found("hash", "no such hash", "a SHA-256 in hexadecimal")
	}
	if err := checkID("token name", row.Name); err != nil {
		found("name", shortened(row.Name), "a name: "+err.Error())
	}
	scopes, user, err := checkScopes(scopesOf(row.Scopes))
	switch {
	case err != nil:
		found("scopes", shortened(row.Scopes), "scopes: "+err.Error())
	case scopes != row.Scopes:
		found("scopes", shortened(row.Scopes), scopes)
	case user != row.UserID:
		found("user_id", fmt.Sprint(row.UserID), fmt.Sprint(user))
	}
	if DayOf(row.CreatedAt, time.UTC) < firstDay {
		found("created_at", timeText(row.CreatedAt), anyTime)
	}
	if !row.ExpiresAt.After(row.CreatedAt) || row.ExpiresAt.After(endOfTime) {
		found("expires_at", timeText(row.ExpiresAt), "a time after "+timeText(row.CreatedAt)+", when it was created")
	}
	if row.LastUsed.Before(row.CreatedAt) && !row.LastUsed.Equal(neverUsed) {
		found("last_used", timeText(row.LastUsed), "none, or not before "+timeText(row.CreatedAt)+", when it was created")
	}
	return findings
}

// anyTime is what is expected of a time that may be any.
const anyTime = "a time after 1970-01-01"

func (v *view) verifyPublicUsers(ctx context.Context, report *Report) error {
	bad := 0
	for row, err := range v.everyPublicUser(ctx) {
		if err != nil || bad == MaxFindings {
			return err
		}
		if DayOf(row.Since, time.UTC) < firstDay {
			bad++
			compare(report, "V7", publicText(row), "since", timeText(row.Since), anyTime)
		}
	}
	return nil
}

func publicText(row dbgen.PublicUser) string { return fmt.Sprintf("public user %d", row.UserID) }

func (v *view) verifyOrphanPublicUsers(ctx context.Context, report *Report) error {
	rows, err := v.q.OrphanPublicUsers(ctx, MaxFindings)
	for _, row := range rows {
		compare(report, "V7", publicText(row), "user_id", fmt.Sprint(row.UserID), knownUser)
	}
	return err
}

// everyToken yields all tokens by id.
func (v *view) everyToken(ctx context.Context) iter.Seq2[dbgen.ApiToken, error] {
	return walk(MaxLimit, func(a, b dbgen.ApiToken) int {
		return strings.Compare(a.ID, b.ID)
	}, func(after *dbgen.ApiToken) ([]dbgen.ApiToken, error) {
		params := dbgen.TokensAfterParams{MaxRows: MaxLimit}
		if after != nil {
			params.AfterID = after.ID
		}
		return v.q.TokensAfter(ctx, params)
	})
}

// everyPublicUser yields all users whose own figures everybody may see, by id.
func (v *view) everyPublicUser(ctx context.Context) iter.Seq2[dbgen.PublicUser, error] {
	return walk(MaxLimit, func(a, b dbgen.PublicUser) int {
		return cmp.Compare(a.UserID, b.UserID)
	}, func(after *dbgen.PublicUser) ([]dbgen.PublicUser, error) {
		params := dbgen.PublicUsersFromParams{FromUser: math.MinInt64, MaxRows: MaxLimit}
		switch {
		case after == nil:
		case after.UserID == math.MaxInt64:
			return nil, nil
		default:
			params.FromUser = after.UserID + 1
		}
		return v.q.PublicUsersFrom(ctx, params)
	})
}
