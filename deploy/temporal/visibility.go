package main

import (
	"database/sql"
	"fmt"
	"time"

	"go.temporal.io/server/common/config"
)

// keptIndexes of the list of runs serve the questions that are asked all the time: by time, id, type and status, and the
// runs of a schedule. The schema has more than fifty others, one for each attribute that somebody might ask for, and every
// start and end of a run would write into each of them. Any question is still answered without its index, from the newest
// run backwards.
var keptIndexes = map[string]bool{
	"default_idx":                 true,
	"by_workflow_id":              true,
	"by_workflow_type":            true,
	"by_status":                   true,
	"by_temporal_scheduled_by_id": true,
	// Every question leaves out the runs of other divisions by it.
	"by_temporal_namespace_division": true,
	// Of Keelson's own attributes, which take these columns in turn.
	"by_keyword_01": true,
	"by_keyword_02": true,
	"by_keyword_03": true,
	"by_keyword_04": true,
	"by_keyword_05": true,
}

// A large file has more to drop than a start may wait for: what is left is dropped at the next one.
const trimLimit = 10 * time.Second

// trimIndexes drops every other index of the list of runs, in a file that has them.
func trimIndexes(database *config.SQL) error {
	connection, err := sql.Open("sqlite", "file:"+database.DatabaseName)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	until := time.Now().Add(trimLimit)
	names, err := indexNames(connection)
	if err != nil {
		return err
	}
	for _, name := range names {
		if keptIndexes[name] {
			continue
		}
		if time.Now().After(until) {
			return nil
		}
		if _, err := connection.Exec(fmt.Sprintf("DROP INDEX IF EXISTS %q", name)); err != nil {
			return err
		}
	}
	return nil
}

// indexNames leaves out those that belong to the table itself, such as the one of its primary key: they have no statement.
func indexNames(connection *sql.DB) ([]string, error) {
	rows, err := connection.Query(
		"SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'executions_visibility' AND sql IS NOT NULL")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
