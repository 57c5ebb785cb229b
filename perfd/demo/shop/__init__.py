"""The sample shop: `storefront` asks `pricing`, which asks `inventory`.

Three ordinary services, none of which knows perfd. Telemetry leaves by the public OpenTelemetry
and Pyroscope SDKs, configured by their standard environment variables, as in anybody's shop.
"""
