import { exchangeContract } from './contract.ts';

exchangeContract('http1');
exchangeContract('http2');
