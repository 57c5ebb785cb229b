"""The sample shop: `storefront` asks `pricing`, which asks `inventory`; three ordinary instrumented services.

Nothing here knows perfd. Telemetry leaves through the public OpenTelemetry and Pyroscope SDKs, configured by
their standard environment variables, as it would in anybody's shop.
"""
