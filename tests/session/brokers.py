"""A broker profile to start from."""

from typing import Any

from wallet.session.broker_profile import BrokerProfile, parse

ETH, USDT, WBTC = "0x" + "00" * 20, "0x" + "11" * 20, "0x" + "22" * 20


def sample_json() -> dict[str, Any]:
    return {
        "format": "trading-channels/broker",
        "version": 1,
        "name": "Sample",
        "url": "ws://127.0.0.1:4000",
        "broker": "0x" + "b1" * 20,
        "brokerSigner": "0x" + "b2" * 20,
        "chainId": 31337,
        "rpc": ["http://127.0.0.1:8545"],
        "adjudicator": "0x" + "ad" * 20,
        "tokens": [
            {"address": ETH, "symbol": "ETH", "decimals": 18},
            {"address": USDT, "symbol": "USDT", "decimals": 6},
            {"address": WBTC, "symbol": "WBTC", "decimals": 8},
        ],
        "offer": {
            "initiative": "broker",
            "challengePeriod": 3600,
            "maxFee": 2000,
            "heartbeat": 5,
            "answerTime": 10,
            "skew": 120,
            "yieldInterval": 1,
            "maxOpenOrders": 20,
            "maxFills": 16,
            "markets": [[ETH, USDT, str(10**18), "10000", str(10**14), "1000000", "50000000000"]],
        },
        "test": True,
        "simulated": True,
    }


def sample() -> BrokerProfile:
    return parse(sample_json())
