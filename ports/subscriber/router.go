// Package subscriber runs the consumers of the event log in a Watermill router.
package subscriber

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
)

// topic is the only one there is: the log.
const topic = "events"

// closeTimeout is how long a slice under way may take to come to an end when the service stops.
const closeTimeout = 20 * time.Second

// Group is one consumer of the log.
type Group struct {
	Name       string
	Subscriber message.Subscriber
	Handle     message.NoPublishHandlerFunc
}

// Run feeds the groups until the context ends, and returns when the slices under way are committed or rolled back.
func Run(ctx context.Context, logger *slog.Logger, groups []Group) error {
	// What Watermill calls information is of interest to its developers.
	quieter := watermill.NewSlogLoggerWithLevelMapping(logger, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: closeTimeout}, quieter)
	if err != nil {
		return fmt.Errorf("make router: %w", err)
	}
	for _, group := range groups {
		router.AddConsumerHandler(group.Name, topic, group.Subscriber, group.Handle)
	}
	if err := router.Run(ctx); err != nil && ctx.Err() == nil { // one that was stopped while it started has not failed
		return fmt.Errorf("run consumers: %w", err)
	}
	return nil
}
