module github.com/hydraxdev/engagementdb

go 1.26
