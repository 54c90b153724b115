//! Telemetry: GTFS-Realtime rows become `vehicle_locations`, `trip_updates` and `alerts` of one service date.
